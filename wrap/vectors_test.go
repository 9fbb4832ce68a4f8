// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/c2sp/wycheproof"
)

// readShared returns a file of the vectors that lie beside a checkout and are
// not ours to copy. A fresh clone does not have them.
func readShared(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(filepath.Dir(dir), "shared", "vectors")
	if !exists(dir) && os.Getenv("S3SEAL_REQUIRE_SHARED") != "1" {
		t.Skipf("no vectors beside the checkout: %s", name)
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

type wycheproofTest struct {
	ID     int `json:"tcId"`
	Key    string
	Msg    string
	CT     string
	Label  string
	Result string
}

type wycheproofGroup struct {
	PrivateKeyPKCS8 string `json:"privateKeyPkcs8"`
	Tests           []wycheproofTest
}

func loadWycheproof(t *testing.T, name string) []wycheproofGroup {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		NumberOfTests int
		TestGroups    []wycheproofGroup
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range f.TestGroups {
		n += len(g.Tests)
	}
	if n == 0 || n != f.NumberOfTests {
		t.Fatalf("%s: read %d tests, want %d", name, n, f.NumberOfTests)
	}
	return f.TestGroups
}
