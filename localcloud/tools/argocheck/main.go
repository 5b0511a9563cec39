// Argocheck says of a canary what Argo Rollouts would say, with Argo's own code and without a cluster.
//
//	argocheck judge < QUESTIONS
//	argocheck lint FILE...
//
// Judge reads JSON, a question after another: `metric` is one of an AnalysisTemplate, `data` what Prometheus answers to its
// query. For each it prints a line of JSON with the measurement's phase, value and message.
//
// Lint reads Rollouts with the Services and AnalysisTemplates that they name, in YAML or JSON. A line per fault,
// `ROLLOUT: FIELD: FAULT`, and exit code 1; a line with the count and exit code 0 otherwise.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"
)

// version is that of Argo Rollouts, and told by the linker.
var version = "0.0"

func main() {
	logrus.SetOutput(io.Discard)
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 1 && arguments[0] == "-version":
		fmt.Printf("argocheck, version %s\n", version)
	case len(arguments) == 1 && arguments[0] == "judge":
		if err := judge(os.Stdin, os.Stdout); err != nil {
			fatal(err)
		}
	case len(arguments) > 1 && arguments[0] == "lint":
		rollouts, faults, err := lint(arguments[1:])
		if err != nil {
			fatal(err)
		}
		for _, fault := range faults {
			fmt.Println(fault)
		}
		if len(faults) > 0 {
			os.Exit(1)
		}
		fmt.Printf("%d rollouts are valid\n", rollouts)
	default:
		fatal(fmt.Errorf("argocheck judge < QUESTIONS, or argocheck lint FILE..."))
	}
}

func fatal(err error) {
	fmt.Fprintf(os.Stderr, "argocheck: %v\n", err)
	os.Exit(2)
}
