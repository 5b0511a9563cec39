package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/validation"
)

// objects are what the files hold, of what Argo looks at; templates and services by name.
type objects struct {
	rollouts  []*v1alpha1.Rollout
	templates map[string]*v1alpha1.AnalysisTemplate
	services  map[string]*corev1.Service
}

// lint gives the number of Rollouts, and what Argo's controller would find wrong with them.
func lint(paths []string) (int, []string, error) {
	found := objects{templates: map[string]*v1alpha1.AnalysisTemplate{}, services: map[string]*corev1.Service{}}
	for _, path := range paths {
		if err := found.read(path); err != nil {
			return 0, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(found.rollouts) == 0 {
		return 0, nil, errors.New("no Rollout in these files")
	}
	var faults []string
	for _, rollout := range found.rollouts {
		resources, missing := found.named(rollout)
		for _, name := range missing {
			faults = append(faults, fmt.Sprintf("%s: names %s, which is in none of the files", rollout.Name, name))
		}
		for _, fault := range validation.ValidateRollout(rollout) {
			faults = append(faults, fmt.Sprintf("%s: %v", rollout.Name, fault))
		}
		for _, fault := range validation.ValidateRolloutReferencedResources(rollout, resources) {
			faults = append(faults, fmt.Sprintf("%s: %v", rollout.Name, fault))
		}
	}
	return len(found.rollouts), faults, nil
}

func (found *objects) read(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(file))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		var head struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &head); err != nil {
			return err
		}
		switch head.Kind {
		case "Rollout":
			rollout := &v1alpha1.Rollout{}
			if err := yaml.UnmarshalStrict(document, rollout); err != nil {
				return err
			}
			found.rollouts = append(found.rollouts, rollout)
		case "AnalysisTemplate":
			template := &v1alpha1.AnalysisTemplate{}
			if err := yaml.UnmarshalStrict(document, template); err != nil {
				return err
			}
			found.templates[template.Name] = template
		case "Service":
			service := &corev1.Service{}
			if err := yaml.UnmarshalStrict(document, service); err != nil {
				return err
			}
			found.services[service.Name] = service
		}
	}
}

// named gives the objects that a Rollout names, and the names of those that are not there.
func (found *objects) named(rollout *v1alpha1.Rollout) (validation.ReferencedResources, []string) {
	var resources validation.ReferencedResources
	var missing []string
	canary := rollout.Spec.Strategy.Canary
	if canary == nil {
		return resources, nil
	}
	analysis := func(kind validation.AnalysisTemplateType, step int, asked *v1alpha1.RolloutAnalysis) {
		chosen := validation.AnalysisTemplatesWithType{TemplateType: kind, CanaryStepIndex: step, Args: asked.Args}
		for _, reference := range asked.Templates {
			if template, ok := found.templates[reference.TemplateName]; ok {
				chosen.AnalysisTemplates = append(chosen.AnalysisTemplates, template.DeepCopy())
			} else {
				missing = append(missing, "AnalysisTemplate "+reference.TemplateName)
			}
		}
		if len(chosen.AnalysisTemplates) > 0 {
			resources.AnalysisTemplatesWithType = append(resources.AnalysisTemplatesWithType, chosen)
		}
	}
	for place, step := range canary.Steps {
		if step.Analysis != nil {
			analysis(validation.InlineAnalysis, place, step.Analysis)
		}
	}
	if canary.Analysis != nil {
		analysis(validation.BackgroundAnalysis, 0, &canary.Analysis.RolloutAnalysis)
	}
	service := func(kind validation.ServiceType, name string) {
		if name == "" {
			return
		}
		if it, ok := found.services[name]; ok {
			resources.ServiceWithType = append(resources.ServiceWithType, validation.ServiceWithType{Service: it, Type: kind})
		} else {
			missing = append(missing, "Service "+name)
		}
	}
	service(validation.StableService, canary.StableService)
	service(validation.CanaryService, canary.CanaryService)
	if canary.PingPong != nil {
		service(validation.PingService, canary.PingPong.PingService)
		service(validation.PongService, canary.PingPong.PongService)
	}
	return resources, missing
}
