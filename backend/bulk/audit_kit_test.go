// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

var update = flag.Bool("update", false, "write the golden files of audits anew")

// A stored is an object as it lies in the storage, with its instruction file.
type stored struct {
	Name        string
	Metadata    map[string]string
	Instruction *struct {
		File     string
		Metadata map[string]string
	} `json:"instruction_file"`
	Object struct{ File string }

	body, file []byte
}

const auditFixtures = "../../envelope/testdata/fixtures"

// oneOfEach returns the largest object of each configuration, by its name
// without the size.
func oneOfEach(t testing.TB) map[string]stored {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(auditFixtures, "*.json"))
	if err != nil || len(names) != 124 {
		t.Fatalf("%d fixtures (%v), want 124", len(names), err)
	}
	all := make(map[string]stored)
	for _, name := range names {
		var s stored
		if err := json.Unmarshal(auditFile(t, name), &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.body = auditFile(t, filepath.Join(auditFixtures, s.Object.File))
		if s.Instruction != nil {
			s.file = auditFile(t, filepath.Join(auditFixtures, s.Instruction.File))
		}
		config := s.Name[:strings.LastIndex(s.Name, "-")]
		if len(s.body) >= len(all[config].body) {
			all[config] = s
		}
	}
	return all
}

func auditFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// rawPut stores what was not made by a Bucket.
func rawPut(t testing.TB, d backend.Driver, key string, body []byte, meta map[string]string) {
	t.Helper()
	if _, err := d.Put(t.Context(), key, bytes.NewReader(body), int64(len(body)), &backend.PutOptions{Metadata: meta}); err != nil {
		t.Fatal(err)
	}
}

func (s stored) put(t testing.TB, d backend.Driver, key string) {
	t.Helper()
	rawPut(t, d, key, s.body, s.Metadata)
	if s.file != nil {
		rawPut(t, d, key+envelope.InstructionSuffix, s.file, s.Instruction.Metadata)
	}
}

// with returns s with changed metadata; an empty value removes a name.
func (s stored) with(changes map[string]string) stored {
	s.Metadata = maps.Clone(s.Metadata)
	for name, value := range changes {
		if value == "" {
			delete(s.Metadata, name)
		} else {
			s.Metadata[name] = value
		}
	}
	return s
}

// keyless returns a bucket that could not use a key.
func keyless(d backend.Driver) *backend.Bucket {
	return backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{ExtraSuites: []envelope.Suite{dare.DARE2}}})
}

// auditAll audits all of d, without any key.
func auditAll(t testing.TB, d backend.Driver, opts *bulk.AuditOptions) *bulk.Report {
	t.Helper()
	b := keyless(d)
	report, err := bulk.Audit(t.Context(), b, b.List(t.Context(), nil), opts)
	if err != nil {
		t.Fatalf("Audit: %v", err)
	}
	return report
}

// golden compares got with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(string(auditFile(t, path)), "\n")
	for i, line := range gotLines {
		if i >= len(wantLines) || line != wantLines[i] {
			t.Fatalf("%s, line %d: got %q, want %q", name, i+1, line, slices.Concat(wantLines[min(i, len(wantLines)):], []string{""})[0])
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("%s: %d lines, want %d", name, len(gotLines), len(wantLines))
	}
}

// noGoroutineLeft runs f, and wants no more goroutines than before afterwards.
func noGoroutineLeft(t *testing.T, f func()) {
	t.Helper()
	before := runtime.NumGoroutine()
	f()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if runtime.NumGoroutine() <= before {
			return
		}
	}
	t.Errorf("%d goroutines, want at most the %d of before", runtime.NumGoroutine(), before)
}

// sealedBy stores an object under key by a suite.
func sealedBy(t testing.TB, d backend.Driver, key string, k wrap.Key, opts *backend.Options, data []byte) {
	t.Helper()
	b := backend.NewBucket(d, k, k, opts)
	if _, err := b.Put(context.Background(), key, bytes.NewReader(data), int64(len(data)), nil); err != nil {
		t.Fatal(err)
	}
}

func auditKey(t testing.TB) wrap.Key {
	t.Helper()
	k, err := wrap.NewAESGCM(bytes.Repeat([]byte{0x5a}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}
