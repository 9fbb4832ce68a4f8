// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// wantJSON fails the test unless r printed one object with these values, or more.
func wantJSON(t *testing.T, r result, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatalf("%v in %q", err, r.out)
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s = %v, want %v, in %s", name, got[name], value, r.out)
		}
	}
}

// TestJSON: what commands have done, for programs, and also when they are quiet.
func TestJSON(t *testing.T) {
	dir := t.TempDir()
	file, dst, at := filepath.Join(dir, "k"), filepath.Join(dir, "dst"), "dir:"+dir+"/v//x"
	key := "aes:" + file
	wantJSON(t, cli(t, nil, "-q", "keygen", "--json", file).want(t, exitOK), map[string]any{"file": file, "kind": "AES-256", "key": key})
	wantJSON(t, cli(t, strings.NewReader("abc"), "put", "-q", "--json", "-k", key, "-", at).want(t, exitOK), map[string]any{
		"address": at, "format": "v3", "wrap": "AES/GCM", "plaintext_size": 3.0, "stored_size": 19.0,
	})
	wantJSON(t, cli(t, nil, "get", "--json", "-k", key, at, dst).want(t, exitOK), map[string]any{
		"address": at, "file": dst, "format": "v3", "plaintext_size": 3.0,
	})
	cli(t, nil, "get", "--json", "-k", key, at, "-").want(t, exitUsage, "--json")
	cli(t, nil, "get", "--json", "-k", key, at+"y", dst).want(t, exitNotFound)
	wantJSON(t, cli(t, nil, "rm", "--json", at).want(t, exitOK), map[string]any{"address": at, "removed": true})
	if r := cli(t, nil, "rm", "--json", at).want(t, exitNotFound); r.out != "" {
		t.Errorf("rm of nothing printed %q", r.out)
	}
	if r := cli(t, nil, "abort-stale", "--json", "--all-uploads", "dir:"+dir+"/v").want(t, exitOK); r.out != "" {
		t.Errorf("abort-stale without uploads printed %q", r.out)
	}
}
