// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// update rewrites the golden files: go test ./cmd/s3seal -run Stat -update.
var update = flag.Bool("update", false, "rewrite golden files")

// golden compares with testdata/name. ETags change with every write, and the
// folder with every run.
func golden(t *testing.T, name, got, root string) {
	t.Helper()
	got = strings.ReplaceAll(got, root, "ROOT")
	got = regexp.MustCompile(`("etag": ").*"`).ReplaceAllString(got, `${1}ETAG"`)
	got = regexp.MustCompile(`(?m)^(etag +).*`).ReplaceAllString(got, `${1}ETAG`)
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(string(readFile(t, path)), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func TestStat(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	for _, w := range ways() {
		if w.wrap != "" && w.wrap != "AESWrap" {
			continue // the default under its name
		}
		name := strings.ReplaceAll(strings.TrimSpace(w.String()), " ", "-")
		t.Run(name, func(t *testing.T) {
			write, _, _ := w.keys(ks)
			at := "dir:" + root + "//" + name
			put := append([]string{"put", "-k", write, "--matdesc", "kid=2024", "-", at}, w.flags()...)
			cli(t, bytes.NewReader(pattern(100)), put...).want(t, exitOK)
			golden(t, name+".json", cli(t, nil, "stat", "--json", at).want(t, exitOK).out, root)
			golden(t, name+".txt", cli(t, nil, "stat", at).want(t, exitOK).out, root)
		})
	}
	store(t, root, "plain", pattern(100), map[string]string{"owner": "me"})
	golden(t, "plain.json", cli(t, nil, "stat", "--json", "dir:"+root+"//plain").want(t, exitOK).out, root)
	golden(t, "plain.txt", cli(t, nil, "stat", "dir:"+root+"//plain").want(t, exitOK).out, root)
}

// TestStatTellsTheTruth: with the --accept that stat names the object opens,
// with the level below it does not.
func TestStatTellsTheTruth(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	below := map[string]string{acceptV2: acceptV3, acceptLegacy: acceptV2}
	for _, w := range ways() {
		t.Run(w.String(), func(t *testing.T) {
			write, read, _ := w.keys(ks)
			at := "dir:" + root + "//x"
			cli(t, bytes.NewReader(pattern(100)), append([]string{"put", "-k", write, "-", at}, w.flags()...)...).want(t, exitOK)
			var d statReport
			if err := json.Unmarshal([]byte(cli(t, nil, "stat", "--json", at).want(t, exitOK).out), &d); err != nil {
				t.Fatal(err)
			}
			if d.Accept != w.accept {
				t.Errorf("accept = %q, want %q", d.Accept, w.accept)
			}
			cli(t, nil, "cat", "-k", read, "--accept", d.Accept, at).want(t, exitOK)
			if lower := below[d.Accept]; lower != "" {
				cli(t, nil, "cat", "-k", read, "--accept", lower, at).want(t, exitPolicy)
			}
		})
	}
}

// TestStatOfDamage: metadata that make no sense are no description.
func TestStatOfDamage(t *testing.T) {
	root := filepath.Join(t.TempDir(), "v")
	store(t, root, "x", pattern(32), map[string]string{"x-amz-key": "AAAA", "x-amz-key-v2": "AAAA"})
	if r := cli(t, nil, "stat", "dir:"+root+"//x").want(t, exitDecrypt, "metadata"); r.out != "" {
		t.Errorf("stdout = %q, want nothing", r.out)
	}
}

// TestStatMetadata: the caller's metadata are shown, in lines that they cannot
// forge, and without the envelope.
func TestStatMetadata(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//x"
	cli(t, nil, "put", "-k", ks.aes, "--meta", "owner=me", "--meta", "host=db1", "-", at).want(t, exitOK)
	if r := cli(t, nil, "stat", at).want(t, exitOK); !strings.HasSuffix(r.out, "\nmeta       host=db1\nmeta       owner=me\n") {
		t.Errorf("stat = %q, want the metadata at its end", r.out)
	}
	var d statReport
	if err := json.Unmarshal([]byte(cli(t, nil, "stat", "--json", at).want(t, exitOK).out), &d); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"host": "db1", "owner": "me"}, d.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	store(t, root, "evil", pattern(10), map[string]string{"a": "b\netag       0\x1b[2J", "X-Amz-Foo": "2"})
	if r := cli(t, nil, "stat", "dir:"+root+"//evil").want(t, exitOK); !strings.HasSuffix(r.out, "\nmeta       a=b etag       0?[2J\n") {
		t.Errorf("stat = %q, want one plain line of metadata at its end", r.out)
	}
}

// TestStatOfLostEnvelope: an object whose envelope is in an instruction file that
// is not found is ciphertext, of which nothing is known; no flag would open it.
func TestStatOfLostEnvelope(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	store(t, root, "x", pattern(64), map[string]string{"x-amz-unencrypted-content-length": "50"})
	at := "dir:" + root + "//x"
	var d statReport
	if err := json.Unmarshal([]byte(cli(t, nil, "stat", "--json", at).want(t, exitOK).out), &d); err != nil {
		t.Fatal(err)
	}
	if d.Allow != nil || d.PlaintextSize != nil || d.PlaintextSizeMin != nil || d.Format != "unknown" || d.StoredSize != 64 {
		t.Errorf("stat = %+v, want no size of the plaintext, nothing that allows it, and format unknown", d)
	}
	r := cli(t, nil, "stat", "-k", ks.aes, at).want(t, exitPolicy, "instruction file", flagInstructionSuffix)
	if !strings.Contains(r.out, "\nplaintext  unknown\n") || strings.Contains(r.out+r.err, flagPlaintext) {
		t.Errorf("stat = %q, %q, want no size of the plaintext, and not %s", r.out, r.err, flagPlaintext)
	}
}

// TestListOfLostEnvelope: ls says no more of such an object than stat does.
func TestListOfLostEnvelope(t *testing.T) {
	root := filepath.Join(t.TempDir(), "v")
	store(t, root, "x", pattern(64), map[string]string{"x-amz-unencrypted-content-length": "50"})
	if r := cli(t, nil, "ls", "--sizes", "dir:"+root).want(t, exitOK); strings.TrimSpace(r.out) != "?  x" {
		t.Errorf("ls --sizes = %q, want no size of the plaintext", r.out)
	}
	r := cli(t, nil, "ls", "--json", "--sizes", "dir:"+root).want(t, exitOK)
	if strings.Contains(r.out, "plaintext_size") || strings.Contains(r.out, "encrypted") || !strings.Contains(r.out, `"stored_size":64`) {
		t.Errorf("ls --json --sizes = %s, want only the stored size, and not whether it is encrypted", r.out)
	}
}
