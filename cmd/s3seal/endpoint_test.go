// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"
	"testing"
)

func envOf(m map[string]string) func(string) string {
	return func(name string) string { return m[name] }
}

func TestEndpoint(t *testing.T) {
	type env = map[string]string
	for _, c := range []struct {
		name string
		flag text
		env  env
		want endpoint
	}{
		{"AWS", "", nil, endpoint{"s3.amazonaws.com", true}},
		{"flag with scheme", "http://127.0.0.1:9000", nil, endpoint{"127.0.0.1:9000", false}},
		{"flag with slash", "https://s3.example.com/", nil, endpoint{"s3.example.com", true}},
		{"flag without scheme", "minio.example.com:9000", nil, endpoint{"minio.example.com:9000", true}},
		{"IPv6", "http://[::1]:9000", nil, endpoint{"[::1]:9000", false}},
		{"flag wins", "https://a", env{"AWS_ENDPOINT_URL_S3": "https://b"}, endpoint{"a", true}},
		{"S3 variable wins", "", env{"AWS_ENDPOINT_URL_S3": "http://b", "AWS_ENDPOINT_URL": "https://c"}, endpoint{"b", false}},
		{"general variable", "", env{"AWS_ENDPOINT_URL": "https://c"}, endpoint{"c", true}},
		{"variables ignored", "", env{"AWS_ENDPOINT_URL": "https://c", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, endpoint{"s3.amazonaws.com", true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := storageFlags{Endpoint: c.flag}.endpoint(envOf(c.env))
			if err != nil || got != c.want {
				t.Errorf("endpoint = %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestEndpointRefuses(t *testing.T) {
	for _, in := range []text{
		"http://", "://x", "ftp://host", "http://host/bucket", "http://host?x=y", "http://host#x", "http://:9000",
		"http://AKID:hunter2@host", "http://ho st", "http://host:port",
	} {
		t.Run(string(in), func(t *testing.T) {
			got, err := storageFlags{Endpoint: in}.endpoint(envOf(nil))
			var usage *usageError
			if !errors.As(err, &usage) {
				t.Fatalf("endpoint = %+v, %v; want a usage error", got, err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the password: %v", err)
			}
		})
	}
}

func TestRegion(t *testing.T) {
	type env = map[string]string
	for _, c := range []struct {
		flag text
		env  env
		want string
	}{
		{"", nil, "us-east-1"},
		{"", env{"AWS_DEFAULT_REGION": "c"}, "c"},
		{"", env{"AWS_DEFAULT_REGION": "c", "AWS_REGION": "b"}, "b"},
		{"a", env{"AWS_REGION": "b"}, "a"},
	} {
		if got := (storageFlags{Region: c.flag}).region(envOf(c.env)); got != c.want {
			t.Errorf("region(%q, %v) = %q, want %q", c.flag, c.env, got, c.want)
		}
	}
}
