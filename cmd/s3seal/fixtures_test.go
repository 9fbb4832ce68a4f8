// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A fixture is an object that another client wrote.
type fixture struct {
	Name        string            `json:"name"`
	Metadata    map[string]string `json:"metadata"`
	Instruction *struct {
		Body string `json:"body"`
	} `json:"instruction_file"`
	KEK struct {
		Type string `json:"type"`
		Hex  string `json:"hex"`
	} `json:"kek"`
	Object struct {
		File string `json:"file"`
	} `json:"object"`
	Plaintext struct {
		Size int `json:"size"`
	} `json:"plaintext"`
}

const fixtureDir = "../../envelope/testdata/fixtures"

// TestFixtures reads what AWS's clients and others wrote, by open and by get.
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(fixtureDir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in %s (%v)", fixtureDir, err)
	}
	read := 0
	for _, file := range files {
		var f fixture
		if err := json.Unmarshal(readFile(t, file), &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if f.KEK.Type != "aes" && f.KEK.Type != "rsa" {
			continue // needs a KMS
		}
		t.Run(f.Name, f.check)
		read++
	}
	t.Logf("%d objects of other clients", read)
	if read == 0 {
		t.Error("no fixture with a raw key")
	}
}

func (f *fixture) check(t *testing.T) {
	t.Parallel()
	body := readFile(t, filepath.Join(fixtureDir, f.Object.File))
	want := pattern(f.Plaintext.Size)
	flags := []string{"-k", f.key(t), "--legacy"}
	dir := t.TempDir()
	path := writeFile(t, dir, "m.json", f.metadata(t))
	if strings.Contains(f.Name, "-ctr-") {
		cli(t, bytes.NewReader(body), append([]string{"open", "--metadata", path}, flags...)...).want(t, exitPolicy, flagCTR)
		flags = append(flags, flagCTR)
	}
	if r := cli(t, bytes.NewReader(body), append([]string{"open", "--metadata", path}, flags...)...).want(t, exitOK); r.out != string(want) {
		t.Errorf("open wrote %d bytes, want %d", len(r.out), len(want))
	}
	if f.Instruction != nil {
		return // storage does not look for instruction files
	}
	store(t, filepath.Join(dir, "v"), "x", body, f.Metadata)
	at := "dir:" + filepath.Join(dir, "v") + "//x"
	dst := filepath.Join(dir, "dst")
	cli(t, nil, append([]string{"get", at, dst}, flags...)...).want(t, exitOK)
	wantFile(t, dst, want)
}

// key returns the KEY of the fixture.
func (f *fixture) key(t *testing.T) string {
	t.Helper()
	if f.KEK.Type == "rsa" {
		path := filepath.Join(t.TempDir(), "rsa.pem") // a copy that nobody else can read
		if err := os.WriteFile(path, readFile(t, filepath.Join(fixtureDir, "rsa2048.pem")), 0o600); err != nil {
			t.Fatal(err)
		}
		return "rsa:" + path
	}
	return "aes-hex:" + writeFile(t, t.TempDir(), "k", []byte(f.KEK.Hex))
}

// metadata returns the JSON that open reads: the object's metadata, joined
// with its instruction file if it has one.
func (f *fixture) metadata(t *testing.T) []byte {
	t.Helper()
	all := make(map[string]any)
	if f.Instruction != nil {
		if err := json.Unmarshal([]byte(f.Instruction.Body), &all); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range f.Metadata {
		all[name] = value
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
