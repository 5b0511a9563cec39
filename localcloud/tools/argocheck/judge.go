package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/sirupsen/logrus"

	"github.com/argoproj/argo-rollouts/metricproviders/prometheus"
	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
)

// question is a metric, and what Prometheus answers to it; without an answer Prometheus is out of order.
type question struct {
	Metric v1alpha1.Metric `json:"metric"`
	Data   json.RawMessage `json:"data"`
}

type verdict struct {
	Phase   v1alpha1.AnalysisPhase `json:"phase"`
	Value   string                 `json:"value"`
	Message string                 `json:"message"`
}

// judge measures each metric once, by Argo's own provider, against a Prometheus on the loopback that knows one answer.
func judge(questions io.Reader, verdicts io.Writer) error {
	var data json.RawMessage
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		if len(data) == 0 || string(data) == "null" {
			http.Error(writer, "out of order", http.StatusServiceUnavailable)
			return
		}
		writer.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(writer, `{"status":"success","data":%s}`, data)
	}))
	defer server.Close()
	reader, writer := json.NewDecoder(questions), json.NewEncoder(verdicts)
	reader.DisallowUnknownFields()
	for {
		var asked question
		if err := reader.Decode(&asked); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if asked.Metric.Provider.Prometheus == nil {
			return fmt.Errorf("metric %q does not ask Prometheus", asked.Metric.Name)
		}
		data = asked.Data
		asked.Metric.Provider.Prometheus.Address = server.URL
		client, err := prometheus.NewPrometheusAPI(asked.Metric)
		if err != nil {
			return err
		}
		provider, err := prometheus.NewPrometheusProvider(client, *logrus.NewEntry(logrus.StandardLogger()), asked.Metric)
		if err != nil {
			return err
		}
		measured := provider.Run(&v1alpha1.AnalysisRun{}, asked.Metric)
		if err := writer.Encode(verdict{measured.Phase, measured.Value, measured.Message}); err != nil {
			return err
		}
	}
}
