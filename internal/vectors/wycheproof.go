// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
)

// Hex is a byte string of a JSON file.
type Hex []byte

// UnmarshalText decodes it.
func (h *Hex) UnmarshalText(s []byte) (err error) {
	*h, err = hex.DecodeString(string(s))
	return err
}

// Wycheproof returns the groups of a file of Project Wycheproof as G, which has
// the fields that the test needs. All of the vectors that the file counts must be
// there.
func Wycheproof[G any](t testing.TB, name string) []G {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int
		TestGroups    []struct{ Tests []json.RawMessage }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	n := 0
	for _, g := range file.TestGroups {
		n += len(g.Tests)
	}
	if n == 0 || n != file.NumberOfTests {
		t.Fatalf("%s: %d vectors, want %d", name, n, file.NumberOfTests)
	}
	var groups struct{ TestGroups []G }
	if err := json.Unmarshal(data, &groups); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return groups.TestGroups
}
