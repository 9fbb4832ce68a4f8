// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
)

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
