// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRewrapOne: a single object is rewrapped with the exit codes that it has
// elsewhere.
func TestRewrapOne(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	at := root + "//p/v3-aes"
	rewrap := func(args ...string) result { return cli(t, nil, append([]string{"rewrap"}, args...)...) }
	rewrap("-k", ks.otherAES, "--to", ks.otherAES, at).want(t, exitDecrypt, "cannot decrypt")
	rewrap("-k", ks.aes, "--to", ks.otherRSA, at).want(t, exitDecrypt, "no new key serves its wrap, AES/GCM", "--to")
	rewrap("-k", ks.aes, "--to", ks.otherAES, root+"//p/missing").want(t, exitNotFound, "not found")
	rewrap("-k", ks.aes, "--to", ks.otherAES, root+"//p/v2-aes").want(t, exitPolicy, "--accept v2")
	rewrap("-k", ks.aes, "--to", ks.otherAES, "--shard", "0/2", at).want(t, exitUsage, "want -r")
	rewrap("-k", ks.aes, "--to", ks.otherAES, "--to", ks.aes, at).want(t, exitUsage, "one is enough")
	rewrap("-k", ks.aes, "--to", ks.aes, "--revoke", at).want(t, exitFailure, "would still open")
	wantPlain(t, root, plain, ks.aes, ks.rsa)

	if r := rewrap("-k", ks.aes, "--to", ks.otherAES, "--try", at).want(t, exitOK); !strings.HasPrefix(r.out, "can be rewrapped: 1,") {
		t.Errorf("stdout = %q", r.out)
	}
	wantPlain(t, root, plain, ks.aes, ks.rsa)
	if r := rewrap("-k", ks.aes, "--to", ks.otherAES+"#kid=2", "--revoke", at).want(t, exitOK); !strings.HasPrefix(r.out, "rewrapped: 1, skipped: 0, failed: 0; 3 requests, 0 bytes") {
		t.Errorf("stdout = %q", r.out)
	}
	if r := cli(t, nil, "cat", "-k", ks.otherAES+"#kid=2", at).want(t, exitOK); r.out != plain["p/v3-aes"] {
		t.Errorf("cat = %q", r.out)
	}
	if r := cli(t, nil, "stat", at).want(t, exitOK); !strings.Contains(r.out, "kid=2") {
		t.Errorf("stat = %s, want the new description", r.out)
	}
	rewrap("-k", ks.rsa, "--to", ks.otherAES, "--recipient", ks.rsaPub, root+"//p/chunked-aes").want(t, exitDecrypt)
	rewrap("-k", ks.aes, "--to", ks.otherAES, "--recipient", ks.rsaPub, root+"//p/chunked-aes").want(t, exitOK)
	wantPlain(t, root, map[string]string{"p/chunked-aes": plain["p/chunked-aes"]}, ks.rsa)
}

func TestBulkUsageErrors(t *testing.T) {
	ks := newKeySet(t)
	at := "dir:" + filepath.Join(t.TempDir(), "v") + "//x"
	for _, args := range [][]string{
		{"rewrap", "-k", ks.aes, at},
		{"rewrap", "-k", ks.aes, "--to", "kms-sidecar:alias/a", at},
		{"rewrap", "-k", ks.aes, "--to", ks.otherAES + "#a=1", "--matdesc", "a=2", at},
		{"rewrap", "-k", ks.aes, "--to", ks.otherAES, "--matdesc", "kms_cmk_id=x", at},
		{"rewrap", "-k", ks.aes, "--to", ks.otherAES, "--recipient", "kms-sidecar:alias/a", at},
		{"rewrap", "-k", ks.rsaPub, "--to", ks.otherAES, at},
		{"rewrap", "-r", "-k", ks.aes, "--to", ks.otherAES, "--shard", "x", "s3://b"},
		{"rewrap", "-r", "-k", ks.aes, "--to", ks.otherAES, "--manifest-schema", "Key", "s3://b"},
		{"migrate", "-k", ks.aes, "--bind", "s3://b/x/", "s3://b/y/"},
		{"migrate", "-k", ks.aes, "--force-unversioned", "s3://b/x/", "s3://b/y/"},
		{"migrate", "-k", ks.aes, "--in-place", "s3://b/x/", "s3://b/y/"},
		{"migrate", "-k", ks.aes, "--to", ks.otherAES, "--to", ks.rsa, "s3://b/x/", "s3://b/y/"},
		{"migrate", "-k", ks.aes, "--format", "v1", "s3://b/x/", "s3://b/y/"},
		{"verify", "-k", ks.aes, "--sums", "--json", "s3://b"},
		{"verify", "s3://b"},
		{"audit", "--max-rows", "0", "s3://b"},
		{"audit", "--objects", "--csv", "s3://b"},
		{"ls"},
		{"ls", "--workers", "0", "s3://b"},
	} {
		wantUsage(t, args)
	}
}

// TestPartly: what can be done is done, what cannot is named, and the exit code
// says that there was some.
func TestPartly(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	journal := filepath.Join(t.TempDir(), "journal")
	r := cli(t, nil, "rewrap", "-r", "-k", ks.aes, "--to", ks.otherAES, "--journal", journal, root)
	if r.code != exitPartly || strings.Count(r.err, "s3seal: failed: ") != 10 || !strings.Contains(r.err, "10 of 12 objects failed") {
		t.Errorf("exit code %d, want %d: %s", r.code, exitPartly, r.err)
	}
	if !strings.Contains(r.err, "//p/v2-aes: refused by policy: format v2 (AES-GCM), wrap AES/GCM: allow it with --accept v2") {
		t.Errorf("stderr does not say what would help:\n%s", r.err)
	}
	if got := bytes.Count(readFile(t, journal), []byte(`"outcome":"failed","reason":"`)); got != 10 {
		t.Errorf("%d failures with their reason in the journal, want 10", got)
	}
	if info, err := os.Stat(journal); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("journal has mode %v, %v", info.Mode(), err)
	}
	wantPlain(t, root, plain, ks.aes, ks.rsa, ks.otherAES)
	cli(t, nil, "rewrap", "-r", "-k", ks.aes, "--to", ks.rsa, "--journal", journal, root).want(t, exitFailure, "journal")

	for i := range 30 {
		cli(t, strings.NewReader("x"), "put", "-q", "-k", ks.aes, "-", fmt.Sprintf("%s//many/%02d", root, i)).want(t, exitOK)
	}
	r = cli(t, nil, "verify", "-k", ks.otherAES, root+"//many/")
	if got := strings.Count(r.err, "\n"); r.code != exitPartly || got != maxFailures+2 || !strings.Contains(r.err, "and 10 more") {
		t.Errorf("exit code %d, %d lines on stderr, want %d: %s", r.code, got, maxFailures+2, r.err)
	}
}

// TestMigrateAndVerify: all objects of a folder are sealed anew elsewhere and in
// their place, and verify proves them by what migrate has seen.
func TestMigrateAndVerify(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	there := "dir:" + filepath.Join(t.TempDir(), "new")
	journal := filepath.Join(t.TempDir(), "journal")
	old := []string{"-k", ks.aes, "-k", ks.rsa, "--accept", "legacy"}
	migrate := func(args ...string) result {
		return cli(t, nil, append(append([]string{"migrate"}, old...), args...)...)
	}
	migrate(root+"//p/", there).want(t, exitUsage, "say which one")
	migrate("--to", ks.otherAES, root+"//p", there).want(t, exitUsage, "ends in /")
	migrate("--to", ks.otherAES, root+"//p/", root+"//p/q/").want(t, exitUsage, "within")
	migrate("--to", ks.otherAES, root).want(t, exitUsage, "--in-place")
	migrate("--to", ks.otherAES, "--in-place", root).want(t, exitPolicy, "--force-unversioned")

	wantPartly(t, cli(t, nil, "migrate", "-k", ks.aes, "--to", ks.otherAES, "--all", "--journal", journal, root+"//p/", there+"//n/"))
	wantPartly(t, cli(t, nil, "verify", "-k", ks.otherAES, "--against", journal, there), "as the journal says: source: backend: get \"p/v3-rsa\"")
	journal += "-2"
	s := summaryOf(t, migrate("--to", ks.otherAES, "--all", "--json", "--journal", journal, root+"//p/", there+"//n/").want(t, exitOK))
	if s.Done != int64(len(plain)) || s.Unauthenticated != 4 {
		t.Errorf("summary = %+v, want %d objects, 4 of them in CBC", s, len(plain))
	}
	moved := make(map[string]string)
	for key, content := range plain {
		moved["n/"+strings.TrimPrefix(key, "p/")] = content
	}
	wantPlain(t, there, moved, ks.otherAES)
	for _, f := range formatsOf(t, there, moved) {
		if f != "v3 115 AES/GCM aes" {
			t.Errorf("format %s, want v3", f)
		}
	}
	cli(t, nil, "verify", "-k", ks.otherAES, "--against", journal, there).want(t, exitOK)
	sums := cli(t, nil, "verify", "-k", ks.otherAES, "--sums", there).want(t, exitOK)
	wantSums(t, sums.out, moved)
	cli(t, nil, "verify", "-k", ks.otherAES, "--against", writeFile(t, t.TempDir(), "sums", []byte(sums.out)), there).want(t, exitOK)
	cli(t, nil, "rm", there+"//n/v3-aes").want(t, exitOK)
	if r := cli(t, nil, "verify", "-k", ks.otherAES, "--against", journal, there); r.code != exitPartly || !strings.Contains(r.err, "v3-aes: not found") {
		t.Errorf("exit code %d, %s; want that an object is missing", r.code, r.err)
	}

	s = summaryOf(t, migrate("--to", ks.otherAES, "--format", "chunked", "--in-place", "--force-unversioned", "--json", root).want(t, exitOK))
	if s.Done != int64(len(plain))-2 || s.Reasons["in the target format already"] != 2 {
		t.Errorf("summary = %+v, want all but those in the format", s)
	}
	wantPlain(t, root, plain, ks.otherAES, ks.aes, ks.rsa)
}

func wantSums(t *testing.T, out string, plain map[string]string) {
	t.Helper()
	var want []string
	for key, content := range plain {
		want = append(want, fmt.Sprintf("%x  %s", sha256.Sum256([]byte(content)), key))
	}
	got := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("sums = %q, want %q", got, want)
	}
}

// TestLs: the keys in their order, and what else was asked for.
func TestLs(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	keys := slices.Sorted(maps.Keys(plain))
	if r := cli(t, nil, "ls", root).want(t, exitOK); r.out != strings.Join(keys, "\n")+"\n" {
		t.Errorf("ls = %q, want %q", r.out, keys)
	}
	if r := cli(t, nil, "ls", root+"//p/v3").want(t, exitOK); r.out != "p/v3-aes\np/v3-rsa\n" {
		t.Errorf("ls of a prefix = %q", r.out)
	}
	r := cli(t, nil, "ls", "-l", "--sizes", root).want(t, exitOK)
	for i, line := range strings.Split(strings.TrimSuffix(r.out, "\n"), "\n") {
		fields := strings.Fields(line)
		size := fmt.Sprint(len(plain[keys[i]]))
		if len(fields) != 5 || fields[4] != keys[i] || !strings.Contains(fields[3]+"-", "-") || fields[3] != size && !strings.Contains(fields[3], "-") {
			t.Errorf("line %q, want %s with %s bytes", line, keys[i], size)
		}
	}
	r = cli(t, nil, "ls", "--json", "--sizes", "--workers", "3", root).want(t, exitOK)
	dec := json.NewDecoder(strings.NewReader(r.out))
	for _, key := range keys {
		var e lsEntry
		if err := dec.Decode(&e); err != nil || e.Key != key || e.Encrypted == nil || !*e.Encrypted || *e.PlaintextMin > int64(len(plain[key])) || *e.PlaintextMax < int64(len(plain[key])) {
			t.Errorf("%s: %+v, %v", key, e, err)
		}
	}
	for i := range maxFailures + 5 {
		store(t, strings.TrimPrefix(root, "dir:"), fmt.Sprintf("bad/%02d", i), []byte("x"), map[string]string{"x-amz-key": "%"})
	}
	bad := cli(t, nil, "ls", "--sizes", root+"//bad/")
	wantPartly(t, bad, "s3seal: failed: and 5 more\n", "25 of 25 objects failed", "s3seal: failed: "+root+"//bad/00: metadata x-amz-key: ")
	if n := strings.Count(bad.err, "\n"); n != maxFailures+2 {
		t.Errorf("%d lines on stderr, want %d: %s", n, maxFailures+2, bad.err)
	}
	cli(t, nil, "ls", "dir:"+filepath.Join(t.TempDir(), "none")).want(t, exitNotFound)
	cli(t, nil, "ls", "nonsense").want(t, exitUsage)
}

// TestManifest: a list of keys from elsewhere is as good as a listing, in parts
// too.
func TestManifest(t *testing.T) {
	ks := newKeySet(t)
	root, plain := sealedFolder(t, ks)
	var lines []string
	for key := range plain {
		lines = append(lines, fmt.Sprintf("%q,%q", "any", key))
	}
	manifest := writeFile(t, t.TempDir(), "m.csv", []byte(strings.Join(lines, "\n")+"\n"))
	var done int64
	for i := range 3 {
		s := summaryOf(t, cli(t, nil, "verify", "-k", ks.aes, "-k", ks.rsa, "--accept", "legacy", "--json",
			"--manifest", manifest, "--shard", fmt.Sprintf("%d/3", i), root+"//p/").want(t, exitOK))
		done += s.Done
	}
	if done != int64(len(plain)) {
		t.Errorf("three parts: %d objects, want %d", done, len(plain))
	}
	bad := writeFile(t, t.TempDir(), "bad.csv", []byte("only-one-column\n"))
	cli(t, nil, "verify", "-k", ks.aes, "--manifest", bad, root).want(t, exitFailure, "--manifest", "line 1")
	cli(t, nil, "verify", "-k", ks.aes, "--shard", "3/3", root).want(t, exitUsage, "--shard")
	cli(t, nil, "verify", "-k", ks.aes, "--workers", "0", root).want(t, exitUsage, "--workers")
}

// TestInertJSON: names from storage reach no terminal as commands, and are the
// same names to a reader.
func TestInertJSON(t *testing.T) {
	want := "a\x7f\x1b[2J\u0085\u202e\u2066\u200b\U000e0001ü漢<&>"
	a := &app{stdout: new(bytes.Buffer)}
	if err := a.printJSONLine(map[string]string{"k": want}); err != nil {
		t.Fatal(err)
	}
	text := a.stdout.(*bytes.Buffer).String()
	if strings.ContainsAny(text, "\x7f\x1b\u0085\u202e\u2066\u200b\U000e0001") || !strings.Contains(text, "ü漢<&>") {
		t.Errorf("JSON = %q", text)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(text), &got); err != nil || got["k"] != want {
		t.Errorf("reads back as %q, %v, want %q", got["k"], err, want)
	}
}

// TestInterruptedJob: a signal ends a job with a journal that another goes on
// with, and nothing is done twice or left half done.
func TestInterruptedJob(t *testing.T) {
	sig := signals(t)[1]
	ks := newKeySet(t)
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	const n = 100
	for i := range n {
		cli(t, strings.NewReader("x"), "put", "-q", "-k", ks.aes, "-", fmt.Sprintf("%s//%03d", root, i)).want(t, exitOK)
	}
	journal := filepath.Join(t.TempDir(), "journal")
	args := []string{"rewrap", "-q", "-r", "--workers", "1", "-k", ks.aes, "--to", ks.otherAES, "--json", "--journal", journal, root}
	c := start(t, append(args, "--manifest", "-")...)
	for i := range n / 2 { // and then it waits for more: it does not end before the signal
		fmt.Fprintf(c.stdin, "any,%03d\n", i)
	}
	waitFor(t, "the journal", func() bool {
		data, _ := os.ReadFile(journal)
		return bytes.Count(data, []byte("\n")) > 10
	})
	c.interrupt(t, sig)
	first := summaryOf(t, result{out: c.stdout.String()})
	second := summaryOf(t, cli(t, nil, args...).want(t, exitOK))
	if first.Failed != 0 || second.Done+second.Skipped != n || second.Skipped < first.Done {
		t.Errorf("first %+v, second %+v, want %d together", first, second, n)
	}
	cli(t, nil, "verify", "-q", "-k", ks.otherAES, root).want(t, exitOK)
}
