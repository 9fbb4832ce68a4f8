// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMetadata(t *testing.T) {
	type meta = map[string]string
	for _, c := range []struct {
		name, in string
		want     meta
	}{
		{"flat", `{"x-amz-iv":"AA==","x-amz-key":"BB=="}`, meta{"x-amz-iv": "AA==", "x-amz-key": "BB=="}},
		{"empty", ` {} ` + "\n", meta{}},
		{"numbers", `{"x-amz-tag-len":128,"x-amz-c":115}`, meta{"x-amz-tag-len": "128", "x-amz-c": "115"}},
		{"escapes", `{"x-amz-matdesc":"{\"a\":\"\u00e9\"}"}`, meta{"x-amz-matdesc": `{"a":"é"}`}},
		{"a flat name that is called Metadata", `{"Metadata":"x"}`, meta{"Metadata": "x"}},
		{"head-object", `{
			"AcceptRanges": "bytes", "LastModified": "2024-01-01T00:00:00+00:00", "ContentLength": 17,
			"ETag": "\"abc\"", "ContentType": "binary/octet-stream",
			"Metadata": {"x-amz-iv": "AA==", "user": "value"}
		}`, meta{"x-amz-iv": "AA==", "user": "value"}},
		{"head-object without any", `{"ContentLength":1,"Metadata":{}}`, meta{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseMetadata([]byte(c.in))
			if err != nil {
				t.Fatalf("parseMetadata = %v", err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("parseMetadata (-want +got):\n%s", d)
			}
		})
	}
}

func TestParseMetadataRefuses(t *testing.T) {
	for _, in := range []string{
		``, ` `, `null`, `[]`, `"x"`, `1`, `{`, `{"a"}`, `{"a":}`, `{"a":"b"`, `{"a":"b"}}`, `{"a":"b"}{}`, `{"a":"b"} x`,
		`{"a":"b","a":"b"}`, `{"a":null}`, `{"a":true}`, `{"a":["b"]}`, `{"a":{"b":"c"}}`,
		`{"Metadata":{"a":"b","a":"c"}}`, `{"Metadata":{"a":{}}}`, `{"Metadata":{},"Metadata":{}}`,
	} {
		t.Run(in, func(t *testing.T) {
			if got, err := parseMetadata([]byte(in)); !errors.Is(err, errMetadataFile) {
				t.Errorf("parseMetadata = %v, %v; want errMetadataFile", got, err)
			}
		})
	}
}

func TestFormatMetadata(t *testing.T) {
	in := map[string]string{"x-amz-iv": "a+/=", "x-amz-matdesc": `{"a":"<b>"}`}
	data, err := formatMetadata(in)
	if err != nil {
		t.Fatal(err)
	}
	const want = "{\n  \"x-amz-iv\": \"a+/=\",\n  \"x-amz-matdesc\": \"{\\\"a\\\":\\\"<b>\\\"}\"\n}\n"
	if string(data) != want {
		t.Errorf("formatMetadata = %s, want %s", data, want)
	}
	got, err := parseMetadata(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(in, got); d != "" {
		t.Errorf("read back (-want +got):\n%s", d)
	}
}
