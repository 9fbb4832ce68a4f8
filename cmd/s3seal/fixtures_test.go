// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/wrap/localkms"
)

// A fixture is an object that another client wrote.
type fixture struct {
	Name        string            `json:"name"`
	Writer      string            `json:"writer"`
	Metadata    map[string]string `json:"metadata"`
	Instruction *struct {
		File     string            `json:"file"`
		Metadata map[string]string `json:"metadata"`
	} `json:"instruction_file"`
	KEK struct {
		Type   string `json:"type"`
		Hex    string `json:"hex"`
		KeyID  string `json:"key_id"`
		Master string `json:"master_key_hex"`
	} `json:"kek"`
	Object struct {
		File string `json:"file"`
	} `json:"object"`
	Plaintext struct {
		Size int `json:"size"`
	} `json:"plaintext"`
}

const fixtureDir = "../../envelope/testdata/fixtures"

// fixtureCount is how many there are.
const fixtureCount = 124

// fixtureLevels is the least --accept that opens what each writer wrote.
func fixtureLevels() map[string]string {
	return map[string]string{
		"ruby3-commit": "v3", "ruby3-commit-if": "v3", "php3-commit-if": "v3", "go4-commit": "v3", "go4-commit-ctx": "v3",
		"ruby2-gcm": "v2", "ruby2-gcm-desc": "v2", "java2-gcm-if": "v2", "php2-gcm-ctx": "v2", "py4-gcm": "v2",
		"java1-gcm": "legacy", "java1-gcm-mp": "legacy", "java1-gcm-bc": "legacy", "java1-gcm-if": "legacy", "java1-cbc-if": "legacy",
		"seedpy-gcm": "legacy", "seedpy-cbc": "legacy", "seedpy-cbc-mp": "legacy", "seedpy-ctr": "legacy",
		"bold-cbc": "legacy", "ruby1-cbc": "legacy", "gov1v1-cbc-if": "legacy", "gov1v1-gcm": "legacy", "php1-gcm-if": "legacy",
	}
}

// TestFixtures reads what AWS's clients and others wrote, by open and by get,
// at exactly the level that they need.
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(fixtureDir, "*.json"))
	if err != nil || len(files) != fixtureCount {
		t.Fatalf("%d fixtures in %s (%v), want %d", len(files), fixtureDir, err, fixtureCount)
	}
	keys := localkms.New()
	fixtures := make([]fixture, len(files))
	for i, file := range files {
		if err := json.Unmarshal(readFile(t, file), &fixtures[i]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		fixtures[i].importKey(t, keys)
	}
	serveKMS(t, keys)
	for _, f := range fixtures {
		t.Run(f.Name, f.check)
	}
}

// importKey gives the KMS the key of the fixture, if that is where it is.
func (f *fixture) importKey(t *testing.T, keys *localkms.KMS) {
	t.Helper()
	if f.KEK.Type != "kms" || keys.Versions(f.KEK.KeyID) > 0 {
		return
	}
	master, err := hex.DecodeString(f.KEK.Master)
	if err == nil {
		err = keys.ImportKey(f.KEK.KeyID, master)
	}
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
}

func (f *fixture) check(t *testing.T) {
	t.Parallel()
	level, ok := fixtureLevels()[f.Writer]
	if !ok {
		t.Fatalf("writer %q: unknown", f.Writer)
	}
	body := readFile(t, filepath.Join(fixtureDir, f.Object.File))
	dir := t.TempDir()
	meta, err := json.Marshal(f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	open := []string{"open", "--metadata", writeFile(t, dir, "m.json", meta)}
	if f.Instruction != nil {
		open = append(open, "--instruction", filepath.Join(fixtureDir, f.Instruction.File))
	}
	f.levels(t, level, func(flags ...string) result {
		return cli(t, bytes.NewReader(body), append(open, flags...)...)
	})

	root := filepath.Join(dir, "v")
	store(t, root, "x", body, f.Metadata)
	if f.Instruction != nil {
		store(t, root, "x.instruction", readFile(t, filepath.Join(fixtureDir, f.Instruction.File)), f.Instruction.Metadata)
	}
	f.levels(t, level, func(flags ...string) result {
		return cli(t, nil, append([]string{"cat", "dir:" + root + "//x"}, flags...)...)
	})
	if f.Writer != "seedpy-ctr" {
		wantOpens(t, "dir:"+root+"//x", f.verdict(), exitOK, f.key(t))
	}
}

// levels reads at the level below the one that is needed, which must refuse
// and name it, and at that one.
func (f *fixture) levels(t *testing.T, level string, read func(flags ...string) result) {
	t.Helper()
	want := string(pattern(f.Plaintext.Size))
	flags := []string{"-k", f.key(t)}
	for _, lower := range []string{acceptV3, acceptV2} {
		if lower == level {
			break
		}
		r := read(append(flags, "--accept", lower, flagCTR, flagPlaintext)...)
		if r.want(t, exitPolicy, "--accept "+level); r.out != "" {
			t.Errorf("--accept %s released %d bytes", lower, len(r.out))
		}
	}
	flags = append(flags, "--accept", level)
	if f.Writer == "seedpy-ctr" {
		read(flags...).want(t, exitPolicy, flagCTR)
		flags = append(flags, flagCTR)
	}
	if strings.HasSuffix(f.Writer, "-ctx") && f.KEK.Type == "kms" {
		read(append(flags, "--require-context")...).want(t, exitDecrypt, "user=alice")
		flags = append(flags, flagContext, "user=alice", flagContext, "app=interop")
	}
	if r := read(flags...).want(t, exitOK); r.out != want {
		t.Errorf("read %d bytes, want %d", len(r.out), len(want))
	}
}

// verdict is what stat can say of the right key.
func (f *fixture) verdict() string {
	if f.Metadata["x-amz-key"] == "" {
		return opensYes
	}
	if key := f.Metadata["x-amz-key"]; f.KEK.Type == "rsa" || len(key) <= 44 {
		return opensUnknown
	}
	return opensYes
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
	if f.KEK.Type == "kms" {
		return "kms:" + f.KEK.KeyID
	}
	return "aes-hex:" + writeFile(t, t.TempDir(), "k", []byte(f.KEK.Hex))
}
