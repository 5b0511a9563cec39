package main

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/crdserverscheme"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/yaml"
)

// A definition judges the objects of one version of a custom kind.
type definition struct {
	structural *structuralschema.Structural
	strategy   rest.RESTCreateStrategy
	version    schema.GroupVersion
	pods       bool
}

// loadCustom reads every custom resource definition below a folder.
func loadCustom(folder string) (map[kind]*definition, error) {
	custom := map[kind]*definition{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		documents, err := read(path)
		if err != nil {
			return err
		}
		for _, document := range documents {
			if err := load(document, custom); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		return nil
	})
	if err == nil && len(custom) == 0 {
		err = fmt.Errorf("no custom resource definitions in %s", folder)
	}
	return custom, err
}

func load(document []byte, custom map[kind]*definition) error {
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(document, &crd); err != nil {
		return err
	}
	if crd.Kind != "CustomResourceDefinition" {
		return nil
	}
	for _, version := range crd.Spec.Versions {
		if !version.Served || version.Schema == nil {
			continue
		}
		var internal apiextensions.CustomResourceValidation
		if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version.Schema, &internal, nil); err != nil {
			return err
		}
		structural, err := structuralschema.NewStructural(internal.OpenAPIV3Schema)
		if err != nil {
			return err
		}
		structural = structural.DeepCopy()
		if err := defaulting.PruneDefaults(structural); err != nil {
			return err
		}
		validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
		if err != nil {
			return err
		}
		gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
		strategy := customresource.NewStrategy(
			crdserverscheme.NewUnstructuredObjectTyper(),
			crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
			gvk,
			validator,
			nil, // the status is not ours to write
			structural,
			nil,
			nil,
			version.SelectableFields,
		)
		apiVersion, name := gvk.ToAPIVersionAndKind()
		custom[kind{apiVersion, name}] = &definition{structural, strategy, gvk.GroupVersion(), gvk.GroupKind() == rollout}
	}
	return nil
}

var rollout = schema.GroupKind{Group: "argoproj.io", Kind: "Rollout"}

// judge names what would be pruned, fills in defaults and asks the API server's strategy for custom kinds.
func (d *definition) judge(object *unstructured.Unstructured) []error {
	var faults []error
	unknown := func(paths []string) {
		for _, path := range paths {
			faults = append(faults, fmt.Errorf("unknown field %q", path))
		}
	}
	_, _, paths, err := objectmeta.GetObjectMetaWithOptions(object.Object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return append(faults, err)
	}
	unknown(paths)
	unknown(pruning.PruneWithOptions(object.Object, d.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}))
	defaulting.PruneNonNullableNullsWithoutDefaults(object.Object, d.structural)
	fieldError, paths := objectmeta.CoerceWithOptions(nil, object.Object, d.structural, false, objectmeta.CoerceOptions{ReturnUnknownFieldPaths: true})
	if fieldError != nil {
		return append(faults, fieldError)
	}
	unknown(paths)
	defaulting.Default(object.Object, d.structural)
	namespace := object.GetNamespace()
	if template, given, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "template"); d.pods && given {
		// The definition leaves most of a pod alone; the pods that follow from it are judged in full.
		for _, fault := range judgePods(template, namespace) {
			faults = append(faults, fmt.Errorf("its pods: %w", fault))
		}
	}
	return append(faults, create(d.strategy, object, d.version, namespace)...)
}
