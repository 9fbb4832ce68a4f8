// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/bulk"
)

// auditFolder stores all fixtures in a folder, the first of each writer under its
// name and the others below others/, and returns their number.
func auditFolder(t *testing.T, root string) (writers int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(fixtureDir, "*.json"))
	if err != nil || len(files) != fixtureCount {
		t.Fatalf("%d fixtures (%v), want %d", len(files), err, fixtureCount)
	}
	seen := make(map[string]bool)
	for _, file := range files {
		var f fixture
		if err := json.Unmarshal(readFile(t, file), &f); err != nil {
			t.Fatal(err)
		}
		kind := f.Writer + "-" + f.KEK.Type
		key := "one/" + kind
		if seen[kind] {
			key = "others/" + f.Name
		}
		seen[kind] = true
		store(t, root, key, readFile(t, filepath.Join(fixtureDir, f.Object.File)), f.Metadata)
		if f.Instruction != nil {
			store(t, root, key+".instruction", readFile(t, filepath.Join(fixtureDir, f.Instruction.File)), f.Instruction.Metadata)
		}
	}
	return len(seen)
}

// TestAuditFixtures: the table of one object of each configuration is the one
// that was looked at by a person.
func TestAuditFixtures(t *testing.T) {
	root := filepath.Join(t.TempDir(), "v")
	writers := auditFolder(t, root)
	r := cli(t, nil, "audit", "dir:"+root+"//one/").want(t, exitOK)
	golden := filepath.Join("testdata", "audit.golden")
	if os.Getenv("S3SEAL_UPDATE") == "1" {
		if err := os.WriteFile(golden, []byte(r.out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(readFile(t, golden)); r.out != want {
		t.Errorf("audit prints\n%s\nwant\n%s", r.out, want)
	}

	var report bulk.Report
	r = cli(t, nil, "audit", "--json", "dir:"+root).want(t, exitOK)
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) != 0 || strings.Join(report.Levels, " ") != "v3 v2 legacy" {
		t.Errorf("findings %+v, levels %q, want no findings about what real clients wrote", report.Findings, report.Levels)
	}
	wantLevels(t, root, writers)
	if r := cli(t, nil, "audit", "--csv", "dir:"+root).want(t, exitOK); !strings.HasPrefix(r.out, "record,kind,format,") || !strings.Contains(r.out, "\ntotal,") {
		t.Errorf("CSV = %.200s", r.out)
	}
	cli(t, nil, "audit", "--csv", "--json", "dir:"+root).want(t, exitUsage)
}

// wantLevels: for each object the least level that accepts it is the one that the
// tests of get and open have found it to need.
func wantLevels(t *testing.T, root string, n int) {
	t.Helper()
	r := cli(t, nil, "audit", "--objects", "dir:"+root+"//one/").want(t, exitOK)
	dec := json.NewDecoder(strings.NewReader(r.out))
	sealed := 0
	for dec.More() {
		var o bulk.AuditObject
		if err := dec.Decode(&o); err != nil {
			t.Fatal(err)
		}
		if o.Kind != bulk.KindSealed {
			continue
		}
		sealed++
		writer := strings.TrimPrefix(o.Key[:strings.LastIndex(o.Key, "-")], "one/")
		want := fixtureLevels()[writer]
		if writer == "seedpy-ctr" {
			want = "" // none alone
		}
		got := ""
		if len(o.Accepts) > 0 {
			got = o.Accepts[0]
		}
		if got != want {
			t.Errorf("%s: accepted from level %q on, want %q", o.Key, got, want)
		}
	}
	if sealed != n {
		t.Errorf("%d sealed objects, want %d", sealed, n)
	}
}

// TestAuditSpoofs plants one object of each kind of spoof beside a good one, and
// wants each to be found.
func TestAuditSpoofs(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	for _, format := range []string{"v3", "v2", "v1"} {
		cli(t, strings.NewReader("content"), "put", "-q", "-k", ks.aes, "--format", format, "-", "dir:"+root+"//"+format).want(t, exitOK)
	}
	body3, v3 := stored(t, root, "v3")
	body2, v2 := stored(t, root, "v2")
	body1, v1 := stored(t, root, "v1")
	mix := func(metas ...map[string]string) map[string]string {
		all := make(map[string]string)
		for _, m := range metas {
			maps.Copy(all, m)
		}
		return all
	}
	without := func(meta map[string]string, names ...string) map[string]string {
		meta = maps.Clone(meta)
		for _, name := range names {
			delete(meta, name)
		}
		return meta
	}
	file, err := json.Marshal(v2)
	if err != nil {
		t.Fatal(err)
	}
	store(t, root, "mixed", body3, mix(v3, v2))
	store(t, root, "mixed-old", body1, mix(v1, v2))
	store(t, root, "spoofed", body2, mix(v2, map[string]string{"x-amz-c": "115"}))
	store(t, root, "damaged", body2, without(v2, "x-amz-iv"))
	store(t, root, "short", body2[:10], v2)
	store(t, root, "plain", []byte("content"), nil)
	store(t, root, "orphan.instruction", file, map[string]string{"x-amz-crypto-instr-file": ""})
	store(t, root, "twice", body2, v2)
	store(t, root, "twice.instruction", file, map[string]string{"x-amz-crypto-instr-file": ""})
	store(t, root, "lost", body2, map[string]string{"x-amz-unencrypted-content-length": "7"})
	wantFlags(t, "dir:"+root, map[bulk.AuditFlag][]string{
		bulk.FlagMixed:        {"mixed", "mixed-old"},
		bulk.FlagSpoofedV3:    {"spoofed"},
		bulk.FlagDamaged:      {"damaged"},
		bulk.FlagSize:         {"short"},
		bulk.FlagPlaintext:    {"plain"},
		bulk.FlagOrphan:       {"orphan.instruction"},
		bulk.FlagTwoEnvelopes: {"twice.instruction"},
		bulk.FlagFileMissing:  {"lost"},
	})
}

// wantFlags fails the test unless an audit finds these, and nothing else.
func wantFlags(t *testing.T, at string, want map[bulk.AuditFlag][]string) {
	t.Helper()
	var report bulk.Report
	r := cli(t, nil, "audit", "--json", at).want(t, exitOK)
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatal(err)
	}
	got := make(map[bulk.AuditFlag][]string)
	for _, f := range report.Findings {
		for _, e := range f.Examples {
			got[f.Flag] = append(got[f.Flag], e.Key)
		}
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("findings = %v, want %v", got, want)
	}
	table := cli(t, nil, "audit", at).want(t, exitOK).out
	for flag, keys := range want {
		for _, key := range keys {
			if !strings.Contains(table, flag.String()) || !strings.Contains(table, "\n    "+key) {
				t.Errorf("the table does not name %s with flag %q:\n%s", key, flag, table)
			}
		}
	}
}
