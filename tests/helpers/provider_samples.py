"""A sample of every AWS type that the local cloud takes."""

from typing import Any

from provider_surroundings import ALLOWS, TRUST

TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:alarms"
DENIES = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": "*",'
    ' "Action": "backup:DeleteRecoveryPoint"}]}'
)
PUBLISHES = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"},'
    ' "Action": "sns:Publish", "Resource": "*"}]}'
)

# Per type: the inputs that it is created with, and changes that must be possible in place. `{zone}` and the like stand
# for what the fixture has made.
SAMPLES: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "aws:route53/zone:Zone": (
        {"name": "sample.test", "comment": "first", "tags": {"a": "1"}},
        [{"comment": "second"}, {"tags": {"a": "2", "b": "3"}}, {"forceDestroy": True}],
    ),
    "aws:route53/record:Record": (
        {
            "zoneId": "{zone}", "name": "shop.{zone_name}", "type": "A", "ttl": 30, "records": ["203.0.113.1"],
            "setIdentifier": "primary", "failoverRoutingPolicies": [{"type": "PRIMARY"}], "healthCheckId": "{check}",
        },
        [{"ttl": 20}, {"records": ["203.0.113.2", "203.0.113.3"]}, {"setIdentifier": "first"}],
    ),
    "aws:route53/healthCheck:HealthCheck": (
        {
            "type": "HTTPS", "fqdn": "eu.shop.test", "port": 443, "resourcePath": "/livez", "requestInterval": 10,
            "failureThreshold": 3, "regions": ["us-east-1", "eu-west-1", "sa-east-1"], "tags": {"Name": "shop"},
        },
        [{"failureThreshold": 2}, {"resourcePath": "/healthz"}, {"invertHealthcheck": True}, {"tags": {"Name": "other"}}],
    ),
    "aws:route53/zoneAssociation:ZoneAssociation": (
        {"zoneId": "{private_zone}", "vpcId": "{vpc}", "vpcRegion": "us-east-1"},
        [],
    ),
    "aws:s3/bucket:Bucket": (
        {"region": "us-west-2", "bucket": "bucket-{name}", "tags": {"a": "1"}},
        [{"tags": {"b": "2"}}, {"forceDestroy": True}],
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (
        {"region": "us-west-2", "bucket": "{bucket}", "blockPublicAcls": True, "blockPublicPolicy": True},
        [{"ignorePublicAcls": True, "restrictPublicBuckets": True}, {"blockPublicPolicy": False}],
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (
        {"region": "us-west-2", "bucket": "{bucket}", "policy": '{"Version": "2012-10-17", "Statement": []}'},
        [{"policy": '{"Version": "2012-10-17", "Statement": [], "Id": "second"}'}],
    ),
    "aws:route53recoverycontrol/cluster:Cluster": (
        {"name": "sample", "tags": {"a": "1"}},
        [{"networkType": "DUALSTACK"}, {"tags": {"b": "1"}}],
    ),
    "aws:route53recoverycontrol/controlPanel:ControlPanel": (
        {"name": "sample", "clusterArn": "arn:aws:route53-recovery-control::123456789012:cluster/one"},
        [{"name": "other"}, {"tags": {"b": "1"}}],
    ),
    "aws:route53recoverycontrol/routingControl:RoutingControl": (
        {
            "name": "sample", "clusterArn": "arn:aws:route53-recovery-control::123456789012:cluster/one",
            "controlPanelArn": "arn:aws:route53-recovery-control::123456789012:controlpanel/one",
        },
        [{"name": "other"}],
    ),
    "aws:route53recoverycontrol/safetyRule:SafetyRule": (
        {
            "name": "sample", "controlPanelArn": "arn:aws:route53-recovery-control::123456789012:controlpanel/one",
            "waitPeriodMs": 5000, "assertedControls": ["one", "two"],
            "ruleConfig": {"inverted": False, "threshold": 1, "type": "ATLEAST"},
        },
        [{"name": "other"}, {"waitPeriodMs": 1000}],
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        {
            "name": "sample", "region": "us-east-1", "namespace": "AWS/Route53", "metricName": "HealthCheckStatus",
            "statistic": "Minimum", "comparisonOperator": "LessThanThreshold", "threshold": 1, "period": 60,
            "evaluationPeriods": 1, "dimensions": {"HealthCheckId": "one"}, "alarmActions": [TOPIC_ARN],
        },
        [{"threshold": 2}, {"alarmActions": []}, {"dimensions": {"HealthCheckId": "two"}}, {"treatMissingData": "breaching"}],
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": (
        {"alarmName": "both", "region": "us-east-1", "alarmRule": 'ALARM("one") AND ALARM("two")', "alarmActions": [TOPIC_ARN]},
        [{"alarmRule": 'ALARM("one")'}, {"alarmDescription": "both sides"}],
    ),
    "aws:sns/topic:Topic": (
        {"region": "us-east-1", "displayName": "Alarms", "tags": {"a": "1"}},
        [{"displayName": "Other"}, {"tags": {}}],
    ),
    "aws:sns/topicSubscription:TopicSubscription": (
        {"region": "us-east-1", "topic": "{topic}", "protocol": "email", "endpoint": "on-call@example.com"},
        [],
    ),
    "aws:ec2/vpc:Vpc": (
        {"region": "eu-west-1", "cidrBlock": "10.0.0.0/16", "tags": {"Name": "sample"}},
        [{"enableDnsHostnames": True}, {"tags": {"Name": "other"}}, {"tags": {}}],
    ),
    "aws:ec2/subnet:Subnet": (
        {"region": "us-east-1", "vpcId": "{vpc}", "cidrBlock": "10.0.9.0/24", "availabilityZone": "us-east-1b", "tags": {"a": "1"}},
        [{"mapPublicIpOnLaunch": True}, {"tags": {"b": "1"}}],
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        {
            "region": "us-east-1", "name": "{name}", "vpcId": "{vpc}", "egress": [], "tags": {"a": "1"},
            "ingress": [{"protocol": "tcp", "fromPort": 5432, "toPort": 5432, "cidrBlocks": ["10.1.0.0/16", "10.0.0.0/16"], "description": "shop"}],
        },
        [
            {"ingress": []},
            {"ingress": [
                {"protocol": "tcp", "fromPort": 5432, "toPort": 5432, "cidrBlocks": ["10.1.0.0/16"], "ipv6CidrBlocks": ["2001:db8::/32"]},
                {"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True, "securityGroups": ["{group}"], "description": "peers"},
            ]},
            {"egress": [{"protocol": "all", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"], "ipv6CidrBlocks": ["::/0"]}]},
            {"tags": {"b": "1"}},
        ],
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        {
            "region": "us-east-1", "securityGroupId": "{group}", "ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432,
            "cidrIpv4": "10.0.0.0/16", "description": "shop", "tags": {"a": "1"},
        },
        [{"cidrIpv4": "10.1.0.0/16"}, {"toPort": 5433}, {"description": "others"}, {"tags": {"b": "1"}}],
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (
        {"region": "us-east-1", "securityGroupId": "{group}", "ipProtocol": "-1", "referencedSecurityGroupId": "{other_group}"},
        [{"description": "others"}, {"referencedSecurityGroupId": "{group}"}, {"tags": {"a": "1"}}, {"tags": {}}],
    ),
    "aws:kms/key:Key": (
        {"region": "us-east-1", "description": "first", "enableKeyRotation": True, "deletionWindowInDays": 7, "tags": {"a": "1"}},
        [
            {"description": "second"}, {"enableKeyRotation": False}, {"isEnabled": False}, {"isEnabled": True},
            {"policy": '{"Version": "2012-10-17", "Statement": []}'}, {"deletionWindowInDays": 30}, {"tags": {"b": "1"}},
        ],
    ),
    "aws:kms/alias:Alias": (
        {"region": "us-east-1", "name": "alias/{name}", "targetKeyId": "{key}"},
        [{"targetKeyId": "{other_key}"}],
    ),
    "aws:rds/subnetGroup:SubnetGroup": (
        {"region": "us-east-1", "name": "{name}", "subnetIds": ["{subnet_a}", "{subnet_b}"], "tags": {"a": "1"}},
        [{"subnetIds": ["{subnet_b}", "{subnet_c}"]}, {"description": "others"}, {"tags": {"b": "1"}}],
    ),
    "aws:rds/parameterGroup:ParameterGroup": (
        {
            "region": "us-east-1", "name": "{name}", "family": "postgres17", "tags": {"a": "1"},
            "parameters": [
                {"name": "rds.force_ssl", "value": "1"},
                {"name": "max_connections", "value": "100", "applyMethod": "pending-reboot"},
            ],
        },
        [
            {"parameters": [{"name": "rds.force_ssl", "value": "0"}]},
            {"parameters": []}, {"skipDestroy": True}, {"skipDestroy": False}, {"tags": {"b": "1"}},
        ],
    ),
    "aws:rds/instance:Instance": (
        {
            "region": "us-east-1", "identifier": "{name}", "instanceClass": "db.t4g.micro", "engine": "postgres",
            "engineVersion": "17", "allocatedStorage": 20, "username": "shop", "password": "hunter2hunter2",
            "dbName": "shop", "dbSubnetGroupName": "{subnet_group}", "vpcSecurityGroupIds": ["{group}"],
            "storageEncrypted": True, "kmsKeyId": "{key}", "multiAz": True, "backupRetentionPeriod": 7,
            "applyImmediately": True, "skipFinalSnapshot": True, "deletionProtection": False, "tags": {"a": "1"},
        },
        [
            {"instanceClass": "db.t4g.small"}, {"password": "hunter3hunter3"}, {"backupRetentionPeriod": 3},
            {"allocatedStorage": 30}, {"maxAllocatedStorage": 100}, {"multiAz": False}, {"port": 5433},
            {"vpcSecurityGroupIds": ["{other_group}", "{group}"]}, {"parameterGroupName": "{parameter_group}"},
            {"engineVersion": "18", "allowMajorVersionUpgrade": True}, {"deletionProtection": True},
            {"deletionProtection": False}, {"skipFinalSnapshot": False, "finalSnapshotIdentifier": "last-{name}"},
            {"tags": {"b": "1"}},
        ],
    ),
    "aws:iam/role:Role": (
        {
            "name": "{name}", "path": "/shop/", "assumeRolePolicy": TRUST, "maxSessionDuration": 3600, "description": "first",
            "tags": {"a": "1"},
        },
        [
            {"assumeRolePolicy": TRUST.replace("ec2", "fis")}, {"description": "second"}, {"maxSessionDuration": 7200},
            {"permissionsBoundary": "{policy}"}, {"permissionsBoundary": None}, {"forceDetachPolicies": True},
            {"tags": {"b": "1"}},
        ],
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        {"role": "{role}", "name": "reads", "policy": ALLOWS},
        [{"policy": ALLOWS.replace("Get", "Put")}],
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ({"role": "{role}", "policyArn": "{policy}"}, []),
    "aws:iam/policy:Policy": (
        {"name": "{name}", "path": "/shop/", "policy": ALLOWS, "description": "reads", "tags": {"a": "1"}},
        [
            *({"policy": ALLOWS.replace("GetParameter", action)} for action in ("GetParameters", "PutParameter")),
            {"tags": {"b": "1"}},
        ],
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (
        {"url": "https://{name}.example.com", "clientIdLists": ["sts.amazonaws.com"], "tags": {"a": "1"}},
        [
            {"clientIdLists": ["sts.amazonaws.com", "other"]}, {"clientIdLists": ["other"]},
            {"thumbprintLists": ["0123456789abcdef0123456789abcdef01234567"]}, {"tags": {"b": "1"}},
        ],
    ),
    "aws:fis/experimentTemplate:ExperimentTemplate": (
        {
            "region": "eu-west-1", "description": "stop one", "roleArn": "arn:aws:iam::123456789012:role/fis",
            "actions": [{
                "name": "stop", "actionId": "aws:ec2:stop-instances", "target": {"key": "Instances", "value": "instances"},
                "parameters": [
                    {"key": "startInstancesAfterDuration", "value": "PT5M"},
                    {"key": "completeIfInstancesTerminated", "value": "true"},
                ],
            }],
            "targets": [{
                "name": "instances", "resourceType": "aws:ec2:instance", "selectionMode": "COUNT(1)",
                "resourceTags": [{"key": "seawall:faults", "value": "dev"}],
                "filters": [{"path": "State.Name", "values": ["running"]}],
            }],
            "stopConditions": [{"source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a"}],
            "experimentOptions": {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"},
            "logConfiguration": {
                "logSchemaVersion": 2,
                "cloudwatchLogsConfiguration": {"logGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:fis:*"},
            },
            "tags": {"a": "1"},
        },
        [
            {"description": "stop another"}, {"roleArn": "arn:aws:iam::123456789012:role/other"},
            {"stopConditions": [{"source": "none"}]},
            {"experimentOptions": {"accountTargeting": "single-account", "emptyTargetResolutionMode": "skip"}},
            {"actions": [{"name": "wait", "actionId": "aws:fis:wait", "parameters": [{"key": "duration", "value": "PT1M"}]}]},
            {"targets": []}, {"tags": {"b": "1"}},
        ],
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        {"region": "eu-west-1", "name": "/{name}/fis", "retentionInDays": 30, "tags": {"a": "1"}},
        [{"retentionInDays": 0}, {"retentionInDays": 90}, {"skipDestroy": True}, {"skipDestroy": False}, {"tags": {"b": "1"}}],
    ),
    "aws:dynamodb/table:Table": (
        {
            "region": "eu-north-1", "name": "{name}", "billingMode": "PAY_PER_REQUEST", "hashKey": "cluster",
            "rangeKey": "record", "attributes": [{"name": "cluster", "type": "S"}, {"name": "record", "type": "S"}],
            "pointInTimeRecovery": {"enabled": True}, "serverSideEncryption": {"enabled": True},
            "deletionProtectionEnabled": False, "tags": {"a": "1"},
        },
        [
            {"pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 7}},
            {"pointInTimeRecovery": {"enabled": False}}, {"deletionProtectionEnabled": True},
            {"deletionProtectionEnabled": False}, {"serverSideEncryption": {"enabled": True, "kmsKeyArn": "{key}"}},
            {"tags": {"b": "1"}},
        ],
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        {
            "region": "eu-west-1", "clusterName": "shop", "namespace": "shop", "serviceAccount": "shop",
            "roleArn": "arn:aws:iam::123456789012:role/shop", "tags": {"a": "1"},
        },
        [{"roleArn": "arn:aws:iam::123456789012:role/other"}, {"tags": {"b": "1"}}],
    ),
    "aws:backup/vault:Vault": (
        {"region": "us-east-1", "name": "{name}", "kmsKeyArn": "{key}", "tags": {"a": "1"}},
        [{"tags": {"a": "2", "b": "1"}}, {"tags": {}}, {"forceDestroy": True}],
    ),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": (
        {"region": "us-east-1", "backupVaultName": "{vault}", "minRetentionDays": 7, "maxRetentionDays": 35},
        [],
    ),
    "aws:backup/vaultPolicy:VaultPolicy": (
        {"region": "us-east-1", "backupVaultName": "{vault}", "policy": DENIES},
        [{"policy": DENIES.replace("Delete", "Update")}],
    ),
    "aws:backup/vaultNotifications:VaultNotifications": (
        {
            "region": "us-east-1", "backupVaultName": "{vault}", "snsTopicArn": "{topic}",
            "backupVaultEvents": ["COPY_JOB_FAILED", "BACKUP_JOB_COMPLETED"],
        },
        [],
    ),
    "aws:backup/regionSettings:RegionSettings": (
        {
            "region": "us-east-1",
            "resourceTypeOptInPreference": {
                "Aurora": True, "DynamoDB": True, "EBS": True, "EC2": True, "EFS": True, "RDS": True, "S3": False,
            },
        },
        [],
    ),
    "aws:backup/plan:Plan": (
        {
            "region": "us-east-1", "name": "{name}", "tags": {"a": "1"},
            "rules": [
                {
                    "ruleName": "daily", "targetVaultName": "{vault}", "schedule": "cron(0 5 ? * * *)", "startWindow": 60,
                    "lifecycle": {"deleteAfter": 35}, "recoveryPointTags": {"a": "1"},
                    "copyActions": [{"destinationVaultArn": "{other_vault}", "lifecycle": {"deleteAfter": 14}}],
                },
                {"ruleName": "hourly", "targetVaultName": "{vault}", "schedule": "cron(0 * ? * * *)"},
            ],
        },
        [
            {
                "rules": [
                    {
                        "ruleName": "daily", "targetVaultName": "{vault}", "schedule": "cron(0 6 ? * * *)",
                        "scheduleExpressionTimezone": "Asia/Tokyo", "lifecycle": {"coldStorageAfter": 10, "deleteAfter": 100},
                    }
                ]
            },
            {"tags": {"b": "1"}},
        ],
    ),
    "aws:backup/selection:Selection": (
        {
            "region": "us-east-1", "name": "{name}", "planId": "{plan}",
            "iamRoleArn": "arn:aws:iam::123456789012:role/backup",
            "resources": ["arn:aws:rds:us-east-1:123456789012:db:shop"],
            "selectionTags": [{"type": "STRINGEQUALS", "key": "backup", "value": "daily"}],
        },
        [],
    ),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": (
        {
            "region": "us-east-1", "name": "{name}", "scheduleExpression": "cron(0 9 ? * SUN *)", "tags": {"a": "1"},
            "recoveryPointSelection": {
                "algorithm": "LATEST_WITHIN_WINDOW", "includeVaults": ["{other_vault}"], "recoveryPointTypes": ["SNAPSHOT"],
            },
        },
        [
            {"scheduleExpression": "cron(0 9 ? * MON *)"}, {"startWindowHours": 12}, {"tags": {"b": "1"}},
            {
                "recoveryPointSelection": {
                    "algorithm": "RANDOM_WITHIN_WINDOW", "includeVaults": ["*"], "selectionWindowDays": 3,
                    "recoveryPointTypes": ["SNAPSHOT", "CONTINUOUS"],
                }
            },
        ],
    ),
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": (
        {
            "region": "us-east-1", "name": "{name}", "restoreTestingPlanName": "{testing_plan}",
            "protectedResourceType": "RDS", "protectedResourceArns": ["*"],
            "iamRoleArn": "arn:aws:iam::123456789012:role/restore",
        },
        [
            {"validationWindowHours": 4}, {"restoreMetadataOverrides": {"dbSubnetGroupName": "shop"}},
            {"protectedResourceArns": ["arn:aws:rds:us-east-1:123456789012:db:shop"]},
            {"iamRoleArn": "arn:aws:iam::123456789012:role/other"},
        ],
    ),
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": (
        {"region": "eu-west-1", "sourceDbInstanceArn": "{instance}", "retentionPeriod": 14},
        [],
    ),
    "aws:sns/topicPolicy:TopicPolicy": (
        {"region": "us-east-1", "arn": "{topic}", "policy": PUBLISHES},
        [{"policy": PUBLISHES.replace("backup", "cloudwatch")}],
    ),
    "aws:ssm/parameter:Parameter": (
        {"region": "us-east-1", "name": "/{name}/topology", "type": "String", "value": "{}", "tags": {"a": "1"}},
        [{"value": '{"a": 1}'}, {"tier": "Advanced"}, {"description": "declared"}, {"tags": {"b": "1"}}],
    ),
}  # fmt: skip
