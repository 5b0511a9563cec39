// Manifestcheck says of Kubernetes manifests what the API server would say on `kubectl create --validate=strict`.
//
// It is the API server's own code without the server: strict decoding, pruning, defaults, the strategies' validation of
// built-in kinds, and schemas with their CEL rules for custom ones. What it has not is what needs a cluster: admission,
// quotas, references to other objects.
//
//	manifestcheck [-crds FOLDER] FILE...
//
// A line per fault, `FILE: KIND NAMESPACE/NAME: FAULT`, and exit code 1; a line with the count and exit code 0 otherwise.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// version is that of Kubernetes' modules, and told by the linker.
var version = "0.0"

func main() {
	beside, err := os.Executable()
	if err != nil {
		fatal(err)
	}
	shown := flag.Bool("version", false, "say which version of Kubernetes judges")
	folder := flag.String("crds", filepath.Join(filepath.Dir(beside), "crds"), "folder of custom resource definitions")
	flag.Parse()
	if *shown {
		fmt.Printf("manifestcheck, version %s\n", version)
		return
	}
	if flag.NArg() == 0 {
		fatal(errors.New("no files: manifestcheck [-crds FOLDER] FILE..."))
	}
	custom, err := loadCustom(*folder)
	if err != nil {
		fatal(err)
	}
	objects, faults := 0, 0
	for _, path := range flag.Args() {
		documents, err := read(path)
		if err != nil {
			fmt.Printf("%s: %v\n", path, err)
			faults++
		}
		for _, document := range documents {
			objects++
			for _, fault := range judge(document, custom) {
				fmt.Printf("%s: %s\n", path, fault)
				faults++
			}
		}
	}
	if faults > 0 {
		os.Exit(1)
	}
	fmt.Printf("%d objects are valid\n", objects)
}

func fatal(err error) {
	fmt.Fprintf(os.Stderr, "manifestcheck: %v\n", err)
	os.Exit(2)
}

// read gives the documents of a YAML or JSON file as JSON. A key that stands twice is an error.
func read(path string) ([][]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var documents [][]byte
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return documents, err
		}
		document, err := yaml.YAMLToJSONStrict(text)
		if err != nil {
			return documents, err
		}
		if string(document) != "null" {
			documents = append(documents, document)
		}
	}
}

// judge gives a line for each fault of an object.
func judge(document []byte, custom map[kind]*definition) []string {
	var content map[string]any
	if err := utiljson.Unmarshal(document, &content); err != nil {
		return []string{err.Error()}
	}
	object := &unstructured.Unstructured{Object: content}
	found := kind{object.GetAPIVersion(), object.GetKind()}
	named := fmt.Sprintf("%s %s/%s", found.name, object.GetNamespace(), object.GetName())
	var faults []error
	if definition, ok := custom[found]; ok {
		faults = definition.judge(object)
	} else {
		faults = judgeBuiltIn(document, object)
	}
	lines := make([]string, 0, len(faults))
	for _, fault := range faults {
		lines = append(lines, fmt.Sprintf("%s: %v", named, fault))
	}
	return lines
}
