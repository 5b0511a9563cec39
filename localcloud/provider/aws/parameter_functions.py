"""What `aws.ssm.get_parameter()` and `aws.ssm.get_parameters_by_path()` ask."""

from localcloud.provider.adapter import Properties
from localcloud.provider.clients import Cloud
from localcloud.provider.core import CloudIn


def _decrypted(arguments: Properties) -> bool:
    return arguments.get("withDecryption", True) is not False


def parameter(cloud_in: CloudIn, arguments: Properties) -> Properties:
    """One parameter. One that does not exist is an error, as in the real provider."""
    cloud, name = cloud_in(arguments.get("region") or ""), arguments["name"]
    found = cloud.client("ssm").get_parameter(Name=name, WithDecryption=_decrypted(arguments))["Parameter"]
    return {
        "id": found["Name"],
        "arn": _arn(cloud, found),
        "name": found["Name"],
        "type": found["Type"],
        "value": found["Value"],
        "insecureValue": "" if found["Type"] == "SecureString" else found["Value"],
        "version": found["Version"],
        "withDecryption": _decrypted(arguments),
        "region": cloud.region,
    }


def parameters_by_path(cloud_in: CloudIn, arguments: Properties) -> Properties:
    """All parameters below a path, in the order of their names. A path with none is no error."""
    cloud, path = cloud_in(arguments.get("region") or ""), arguments["path"]
    recursive = bool(arguments.get("recursive"))
    request = {"Path": path, "Recursive": recursive, "WithDecryption": _decrypted(arguments)}
    asked = cloud.post_json("ssm", "AmazonSSM.GetParametersByPath", request)
    if asked is None or asked.get("NextToken"):  # an error to be told in boto3's words, or more than one page
        pages = cloud.client("ssm").get_paginator("get_parameters_by_path").paginate(**request)
        listed = [each for page in pages for each in page["Parameters"]]
    else:
        listed = list(asked["Parameters"])
    found = sorted(listed, key=lambda each: each["Name"])
    return {
        "id": path,
        "path": path,
        "recursive": recursive,
        "withDecryption": _decrypted(arguments),
        "arns": [_arn(cloud, each) for each in found],
        "names": [each["Name"] for each in found],
        "types": [each["Type"] for each in found],
        "values": [each["Value"] for each in found],
        "region": cloud.region,
    }


def _arn(cloud: Cloud, found: Properties) -> str:
    return found.get("ARN") or cloud.arn("ssm", f"parameter/{found['Name'].lstrip('/')}")
