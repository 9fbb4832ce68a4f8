// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type attackRow struct{ attack, what, levels string }

// attackTable says at which levels each attack is tried at least. An attack
// lives where the check is that stops it, and wherever that check could be gone
// around.
var attackTable = []attackRow{
	{"A1", "padding oracle of CBC", "envelope backend cmd/s3seal"},
	{"A2", "GCM content relabelled as CBC, CTR or ECB", "envelope backend cmd/s3seal wrap"},
	{"A3", "functions of the plaintext in metadata", "backend cmd/s3seal"},
	{"A4", "key ID or second key chosen by the object", "envelope backend cmd/s3seal wrap wrap/awskms wrap/legacy"},
	{"A5", "wrapped key exchanged, one body under two keys", "envelope backend cmd/s3seal"},
	{"A6", "names of another format", "envelope backend cmd/s3seal"},
	{"A7", "commitment altered or ignored", "envelope backend cmd/s3seal"},
	{"A8", "wrap or context downgraded", "envelope backend cmd/s3seal wrap/legacy"},
	{"A9", "oracle of PKCS #1 v1.5", "envelope backend cmd/s3seal wrap/legacy"},
	{"A10", "one IV for two attempts", "envelope"},
	{"A11", "policy remembered from another object", "envelope wrap/localkms"},
	{"B1", "plaintext before it is verified", "envelope backend cmd/s3seal"},
	{"B2", "truncated or extended", "backend cmd/s3seal"},
	{"B3", "ranges", "envelope backend"},
	{"B4", "lengths that metadata claims", "envelope backend cmd/s3seal"},
	{"B5", "object copied over another", "envelope backend"},
	{"B6", "what lies where an instruction file would be", "envelope backend"},
	{"B7", "more than one spelling", "envelope backend cmd/s3seal"},
	{"B8", "plain objects", "envelope backend cmd/s3seal"},
}

// attackNames are the tests that do not have the attack in their name.
var attackNames = map[string]string{
	"ForeignKMSKey": "A4", "KMSRelabelled": "A8", "RSARawOracle": "A9", "PolicyBehindCache": "A11",
}

// TestAttackTable: every attack has a test at each of its levels.
func TestAttackTable(t *testing.T) {
	found := attackTests(t, os.DirFS(".."))
	if len(found) == 0 {
		t.Fatal("no tests of attacks")
	}
	for _, a := range attackTable {
		for _, level := range strings.Fields(a.levels) {
			if !slices.Contains(found[level], a.attack) {
				t.Errorf("%s (%s): no test in %s", a.attack, a.what, level)
			}
		}
	}
	for level, attacks := range found {
		for _, attack := range attacks {
			if !slices.ContainsFunc(attackTable, func(a attackRow) bool { return a.attack == attack }) {
				t.Errorf("%s is tried in %s, and not in the table", attack, level)
			}
		}
	}
}

// attackTests finds the attacks by the names of tests and of their cases.
func attackTests(t *testing.T, root fs.FS) map[string][]string {
	t.Helper()
	pattern := regexp.MustCompile(`(?m)^func TestAttack([AB]\d+|\w+)|attack: "([AB]\d+): |^\t\t\{"([AB]\d+): `)
	found := make(map[string][]string)
	err := fs.WalkDir(root, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := fs.ReadFile(root, path)
		for _, m := range pattern.FindAllStringSubmatch(string(data), -1) {
			attack := m[1] + m[2] + m[3]
			if name, ok := attackNames[attack]; ok {
				attack = name
			}
			if level := path[:strings.LastIndexByte(path, '/')]; len(attack) <= 3 {
				found[level] = append(found[level], attack)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
