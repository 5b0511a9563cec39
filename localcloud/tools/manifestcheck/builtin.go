package main

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/namespace"
	"k8s.io/kubernetes/pkg/registry/core/podtemplate"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/networking/ingress"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"k8s.io/kubernetes/pkg/registry/rbac/clusterrole"
	"k8s.io/kubernetes/pkg/registry/rbac/clusterrolebinding"
	"k8s.io/kubernetes/pkg/registry/rbac/role"
	"k8s.io/kubernetes/pkg/registry/rbac/rolebinding"
)

// A kind is what a manifest calls itself.
type kind struct{ apiVersion, name string }

// strategies are the API server's own, by kind and each version that it still serves: the code knows versions that are
// long gone. A kind that is not among them is a fault: what nobody can judge must not pass.
var strategies = map[kind]rest.RESTCreateStrategy{
	{"v1", "ConfigMap"}:                                    configmap.Strategy,
	{"v1", "Namespace"}:                                    namespace.Strategy,
	{"v1", "PodTemplate"}:                                  podtemplate.Strategy,
	{"v1", "Secret"}:                                       secret.Strategy,
	{"v1", "Service"}:                                      service.Strategy,
	{"v1", "ServiceAccount"}:                               serviceaccount.Strategy,
	{"apps/v1", "Deployment"}:                              deployment.Strategy,
	{"autoscaling/v1", "HorizontalPodAutoscaler"}:          horizontalpodautoscaler.Strategy,
	{"autoscaling/v2", "HorizontalPodAutoscaler"}:          horizontalpodautoscaler.Strategy,
	{"networking.k8s.io/v1", "Ingress"}:                    ingress.Strategy,
	{"networking.k8s.io/v1", "NetworkPolicy"}:              networkpolicy.Strategy,
	{"policy/v1", "PodDisruptionBudget"}:                   poddisruptionbudget.Strategy,
	{"rbac.authorization.k8s.io/v1", "ClusterRole"}:        clusterrole.Strategy,
	{"rbac.authorization.k8s.io/v1", "ClusterRoleBinding"}: clusterrolebinding.Strategy,
	{"rbac.authorization.k8s.io/v1", "Role"}:               role.Strategy,
	{"rbac.authorization.k8s.io/v1", "RoleBinding"}:        rolebinding.Strategy,
}

var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

// judgeBuiltIn decodes strictly, fills in defaults, converts to the internal version and asks the kind's strategy.
func judgeBuiltIn(document []byte, object *unstructured.Unstructured) []error {
	strategy, known := strategies[kind{object.GetAPIVersion(), object.GetKind()}]
	if !known {
		return []error{fmt.Errorf("nobody here judges %s of %s", object.GetKind(), object.GetAPIVersion())}
	}
	decoded, found, err := strict.Decode(document, nil, nil)
	if err != nil {
		return unfolded(err)
	}
	legacyscheme.Scheme.Default(decoded)
	internal, err := legacyscheme.Scheme.ConvertToVersion(decoded, schema.GroupVersion{Group: found.Group, Version: runtime.APIVersionInternal})
	if err != nil {
		return []error{err}
	}
	return create(strategy, internal, found.GroupVersion(), object.GetNamespace())
}

// judgePods judges the template of the pods that a custom resource's controller will make.
func judgePods(template any, namespace string) []error {
	object := map[string]any{
		"apiVersion": "v1",
		"kind":       "PodTemplate",
		"metadata":   map[string]any{"name": "template", "namespace": namespace},
		"template":   template,
	}
	document, err := utiljson.Marshal(object)
	if err != nil {
		return []error{err}
	}
	return judgeBuiltIn(document, &unstructured.Unstructured{Object: object})
}

// create does what the API server does last before it stores a new object.
func create(strategy rest.RESTCreateStrategy, object runtime.Object, version schema.GroupVersion, namespace string) []error {
	metadata, err := meta.Accessor(object)
	if err != nil {
		return []error{err}
	}
	rest.FillObjectMetaSystemFields(metadata)
	request := genericapirequest.WithRequestInfo(context.Background(), &genericapirequest.RequestInfo{
		IsResourceRequest: true,
		Verb:              "create",
		APIGroup:          version.Group,
		APIVersion:        version.Version,
		Namespace:         namespace,
	})
	return unfolded(rest.BeforeCreate(strategy, genericapirequest.WithNamespace(request, namespace), object))
}

// unfolded gives one error for each cause that the API server would list.
func unfolded(err error) []error {
	if err == nil {
		return nil
	}
	if decoding, ok := runtime.AsStrictDecodingError(err); ok {
		return decoding.Errors()
	}
	var status *apierrors.StatusError
	if errors.As(err, &status) && status.ErrStatus.Details != nil && len(status.ErrStatus.Details.Causes) > 0 {
		var causes []error
		for _, cause := range status.ErrStatus.Details.Causes {
			causes = append(causes, fmt.Errorf("%s: %s", cause.Field, cause.Message))
		}
		return causes
	}
	return []error{err}
}
