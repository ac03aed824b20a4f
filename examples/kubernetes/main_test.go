package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/asynccalls/asynccalls/driver/memory"
)

// probe is what is read of a probe of Kubernetes.
type probe struct {
	HTTPGet struct {
		Path, Port string
	} `yaml:"httpGet"`
	PeriodSeconds, TimeoutSeconds, FailureThreshold int
}

// object is what is read of an object of Kubernetes.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		MinReplicaCount int `yaml:"minReplicaCount"`
		MaxReplicaCount int `yaml:"maxReplicaCount"`
		Selector        struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
				Containers                    []struct {
					Args  []string
					Ports []struct {
						Name          string
						ContainerPort int `yaml:"containerPort"`
					}
					StartupProbe   probe `yaml:"startupProbe"`
					LivenessProbe  probe `yaml:"livenessProbe"`
					ReadinessProbe probe `yaml:"readinessProbe"`
				}
			}
		}
		Triggers []struct {
			Type     string
			Metadata map[string]string
		}
	}
}

func manifest(t *testing.T) map[string]object {
	t.Helper()
	f, err := os.Open("orders.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	objects := map[string]object{}
	for decoder := yaml.NewDecoder(f); ; {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if o.APIVersion == "" || o.Metadata.Name != "orders" {
			t.Errorf("%s %q of %q", o.Kind, o.Metadata.Name, o.APIVersion)
		}
		objects[o.Kind] = o
	}
}

// TestManifest checks that the numbers and names of the manifest are those of the
// program.
func TestManifest(t *testing.T) {
	t.Parallel()
	objects := manifest(t)
	pod := objects["Deployment"].Spec.Template
	if least := grace + 20*time.Second; time.Duration(pod.Spec.TerminationGracePeriodSeconds)*time.Second < least {
		t.Errorf("pods have %d s to end, want %v or more", pod.Spec.TerminationGracePeriodSeconds, least)
	}
	for _, kind := range []string{"Deployment", "PodDisruptionBudget"} {
		if got := objects[kind].Spec.Selector.MatchLabels["app"]; got != pod.Metadata.Labels["app"] || got == "" {
			t.Errorf("%s is for pods of %q, which are %v", kind, got, pod.Metadata.Labels)
		}
	}
	c := pod.Spec.Containers[0]
	for path, p := range map[string]probe{
		"/startupz": c.StartupProbe, "/livez": c.LivenessProbe, "/readyz": c.ReadinessProbe,
	} {
		if p.HTTPGet.Path != path || p.HTTPGet.Port != c.Ports[0].Name {
			t.Errorf("a probe asks %v, want %s at port %q", p.HTTPGet, path, c.Ports[0].Name)
		}
	}
	if at := fmt.Sprintf(":%d", c.Ports[0].ContainerPort); c.Args[len(c.Args)-1] != at {
		t.Errorf("arguments are %q, want the probes at %s", c.Args, at)
	}
	scaled := objects["ScaledObject"].Spec
	s, err := newOrders(memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := scaled.Triggers[0].Metadata; scaled.MaxReplicaCount != partitions || got["consumerGroup"] != s.String() ||
		got["topic"] != s.String()+".requests" {
		t.Errorf("scales to %d by %v, want %d, by the group and the requests of %s", scaled.MaxReplicaCount, got, partitions, s)
	}
}

// TestRun runs the program, asks it how it is, and ends it.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, in, []string{"-http", "127.0.0.1:0"})
		in.CloseWithError(io.EOF)
		ended <- err
	}()
	lines := bufio.NewScanner(out)
	url := ""
	for url == "" && lines.Scan() {
		url, _, _ = strings.Cut(lines.Text(), "/readyz says")
		if !strings.HasPrefix(url, "http://") {
			url = ""
		}
	}
	go io.Copy(io.Discard, out) // until it ends
	for ready := false; !ready; {
		for _, path := range []string{"/livez", "/readyz"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			ready = response.StatusCode == http.StatusOK
			if !ready && path == "/livez" {
				t.Fatalf("%s answers with %s", path, response.Status)
			}
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
