// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend/bulk"
)

// TestVerifySaysWhoseJournal: the summary says which job the objects are compared
// with, and stderr if that was about others.
func TestVerifySaysWhoseJournal(t *testing.T) {
	ks, dir := newKeySet(t), t.TempDir()
	root, there, other := filepath.Join(dir, "v"), filepath.Join(dir, "new"), filepath.Join(dir, "other")
	for _, at := range []string{"dir:" + root + "//p/x", "dir:" + other + "//n/x"} {
		cli(t, strings.NewReader("precious"), "put", "-q", "-k", ks.aes, "-", at).want(t, exitOK)
	}
	journal := filepath.Join(dir, "journal")
	migrate := []string{"migrate", "-q", "-k", ks.aes, "--journal", journal, "dir:" + root + "//p/", "dir:" + there + "//n/"}
	cli(t, nil, migrate...).want(t, exitOK)
	verify := func(at string, args ...string) result {
		return cli(t, nil, append([]string{"verify", "-k", ks.aes, "--against", journal, at}, args...)...)
	}
	whose := fmt.Sprintf("migrate of dir:%s//p/ to dir:%s//n/", realFolder(root), realFolder(there))
	for _, at := range []string{"dir:" + there, "dir:" + there + "//n/"} {
		r := verify(at).want(t, exitOK)
		if !strings.HasSuffix(r.out, " s; by the journal of "+whose+"\n") || r.err != "" {
			t.Errorf("%s: stdout = %q, stderr = %q, want whose journal it is", at, r.out, r.err)
		}
	}
	if s := summaryOf(t, verify("dir:"+there, "--json").want(t, exitOK)); len(s.Against) != 1 || s.Against[0].Operation != "migrate" || jobText(s.Against[0]) != whose {
		t.Errorf("summary = %+v, want whose journal it is", s)
	}
	for _, at := range []string{"dir:" + other, "dir:" + root + "//p/"} {
		r := verify(at, "--dry-run")
		if want := "s3seal: warning: --against: it is the journal of " + whose + ", and not of what is in " + at + "\n"; !strings.HasPrefix(r.err, want) {
			t.Errorf("%s: stderr = %q, want %q first", at, r.err, want)
		}
	}
	sums := writeFile(t, dir, "sums", []byte(cli(t, nil, "verify", "-k", ks.aes, "--sums", "dir:"+there).want(t, exitOK).out))
	if r := cli(t, nil, "verify", "-k", ks.aes, "--against", sums, "dir:"+there).want(t, exitOK); strings.Contains(r.out, "journal") || r.err != "" {
		t.Errorf("stdout = %q, stderr = %q, want nothing of a journal", r.out, r.err)
	}
}

// TestAgainstFile: each job is found once, however the file is read, and only in lines
// that are headers.
func TestAgainstFile(t *testing.T) {
	header := func(source, destination string) string {
		return fmt.Sprintf(`{"s3seal_journal":1,"operation":"migrate","source":%q,"destination":%q}`+"\n", source, destination)
	}
	entry := `{"key":"{\"s3seal_journal\":1","outcome":"done"}` + "\n"
	data := []byte(header("a/", "b/") + entry + strings.Repeat("0", 100) + "\n\n" + header("a/", "b/") + header("c/", "") + entry[:20] + "\n" +
		headerStart + "9}\n" + headerStart + strings.Repeat(" ", maxHeader) + "\n" + header("e/", "e/") + headerStart + `1,"source":"torn"}`)
	const want = "migrate of a/ to b/, and of migrate of c/, and of migrate of e/"
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(data), "bytes": iotest.OneByteReader(bytes.NewReader(data)), "with EOF": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		ends := 0
		f := &againstFile{src: r, read: func() { ends++ }}
		got, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(got, data) || jobsText(f.jobs) != want || ends != 1 {
			t.Errorf("%s: %d bytes, %v, jobs %q, %d ends; want %q", name, len(got), err, jobsText(f.jobs), ends, want)
		}
	}
}

// TestCovers: a journal may be about more than is verified, or about less.
func TestCovers(t *testing.T) {
	for _, c := range []struct {
		source, destination, place string
		want                       bool
	}{
		{"h/a/", "h/b/x/", "h/b/", true},
		{"h/a/", "h/b/", "h/b/x/", true},
		{"h/a/", "h/b/", "h/a/", false},
		{"h/a/", "", "h/a/", true},
		{"h/a/", "h/b/", "other/b/", false},
	} {
		if got := covers(bulk.Job{Source: c.source, Destination: c.destination}, c.place); got != c.want {
			t.Errorf("%+v: %v, want %v", c, got, c.want)
		}
	}
}
