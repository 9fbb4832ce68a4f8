// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// foreign stores n objects by other people's clients: all that they can write.
func (a *acceptance) foreign(t *testing.T, n int) {
	t.Helper()
	ruby := s3test.StartRuby(t, a.srv, rubyScript, kmsVar())
	s3crypto := s3test.StartS3crypto(t, a.srv, s3test.Program(t, s3cryptoHome), kmsVar())
	const gcm, cbc = contentGCM, contentCBC
	ways := []struct {
		peer                      *s3test.Peer
		client, by, content, wrap string
		location                  string
	}{
		{ruby, "v1", a.keys.aes, "", "", "metadata"},
		{s3crypto, "v1", "kms:alias/a", cbc, "kms", "metadata"},
		{ruby, "v1", a.keys.rsa, "", "", "metadata"},
		{s3crypto, "v1", "kms:alias/a", gcm, "kms", "metadata"},
		{ruby, "v1", "kms:alias/a", "", "", "metadata"},
		{s3crypto, "v2", "kms:alias/a", gcm, "kms+context", "metadata"},
		{ruby, "v2", a.keys.aes, "", "", "metadata"},
		{ruby, "v2", a.keys.rsa, "", "", "metadata"},
		{ruby, "v2", "kms:alias/a", "", "", "metadata"},
		{ruby, "v2", a.keys.aes, "", "", "instruction_file"},
	}
	file := filepath.Join(t.TempDir(), "in")
	for i := range n {
		way := ways[i%len(ways)]
		req := peerKey(t, way.by)
		req.Op, req.Client, req.Bucket, req.Key, req.File = "put", way.client, a.bucket, fmt.Sprintf("old/%03d", i), file
		req.Content, req.Wrap, req.Location = way.content, way.wrap, way.location
		if err := os.WriteFile(file, a.content(req.Key), 0o600); err != nil {
			t.Fatal(err)
		}
		if msg := way.peer.Do(t, req); msg != "" {
			t.Fatalf("%s %s cannot write: %s", way.peer.Name, way.client, msg)
		}
	}
}

// TestAcceptanceMigrate moves what other people's clients have written to V3 and to
// chunked, by jobs that are killed and by several at once.
func TestAcceptanceMigrate(t *testing.T) {
	signals(t)
	a := newAcceptance(t)
	n := long(60, 200)
	a.foreign(t, n)
	a.wantOpen(t, a.old, "old/", a.sums(t, "old/", "old/"), n)
	for _, format := range []string{"v3", "chunked"} {
		migrate := slices.Concat([]string{"migrate", "--json", "--accept", "legacy", "--format", format, "--to", a.keys.otherAES}, a.old)
		t.Run(format+" killed", func(t *testing.T) { a.killed(t, n, migrate, format+"-killed/") })
		t.Run(format+" shards", func(t *testing.T) { a.shards(t, n, migrate, format+"-shards/") })
	}
	a.wantOpen(t, a.old, "old/", a.sums(t, "old/", "old/"), n)
}

// killed kills a job twice and goes on with it. Those that are killed get a part of
// the keys from a pipe, and then wait for more: they do not end before.
func (a *acceptance) killed(t *testing.T, n int, migrate []string, to string) {
	journal := filepath.Join(t.TempDir(), "journal")
	args := slices.Concat(migrate, []string{"--workers", "2", "--journal", journal, a.at("old/"), a.at(to)})
	keys := slices.Sorted(maps.Keys(a.plain))
	for _, after := range []int{n / 5, n / 2} {
		c := start(t, slices.Concat(args, []string{"--manifest", "-"})...)
		for _, key := range keys[:n*4/5] {
			fmt.Fprintf(c.stdin, "%s,%s\n", a.bucket, key)
		}
		waitFor(t, "some objects", func() bool { return len(journalled(t, journal)) >= after })
		c.cmd.Process.Kill()
		if code := c.wait(t); code != -1 {
			t.Fatalf("exit code %d: it has ended before it was killed: %s", code, c.stderr.String())
		}
	}
	before := len(journalled(t, journal))
	c := start(t, args...)
	if code := c.wait(t); code != exitOK {
		t.Fatalf("exit code %d: %s", code, c.stderr.String())
	}
	s := summaryOf(t, result{out: c.stdout.String()})
	if before >= n || s.Done != int64(n-before) || s.Reasons[bulk.ReasonJournal] != int64(before) {
		t.Errorf("summary = %+v, want that it goes on after %d", s, before)
	}
	a.wantMigrated(t, n, to, journal)
}

// shards has three jobs work at once.
func (a *acceptance) shards(t *testing.T, n int, migrate []string, to string) {
	var pods []*child
	var journals []string
	for i := range 3 {
		journals = append(journals, filepath.Join(t.TempDir(), "journal"))
		pods = append(pods, start(t, slices.Concat(migrate, []string{"--shard", fmt.Sprintf("%d/3", i), "--journal", journals[i], a.at("old/"), a.at(to)})...))
	}
	var done int64
	for i, c := range pods {
		code := c.wait(t)
		s := summaryOf(t, result{out: c.stdout.String()})
		if code != exitOK || s.Done == 0 {
			t.Errorf("shard %d: exit code %d, %+v: %s", i, code, s, c.stderr.String())
		}
		done += s.Done
	}
	if done != int64(n) {
		t.Errorf("the shards have migrated %d objects, want %d", done, n)
	}
	a.wantMigrated(t, n, to, journals...)
}

// wantMigrated fails the test unless there are all objects under to, each migrated
// once by what the journals say, with its plaintext.
func (a *acceptance) wantMigrated(t *testing.T, n int, to string, journals ...string) {
	t.Helper()
	times := make(map[string]int)
	for _, journal := range journals {
		for key, count := range journalled(t, journal) {
			times[key] += count
		}
	}
	want := make(map[string]int)
	for key := range a.plain {
		want[key] = 1
	}
	if !maps.Equal(times, want) {
		t.Errorf("the journals say how often each object was migrated: %v, want once", times)
	}
	a.wantOpen(t, []string{"-k", a.keys.otherAES}, to, a.sums(t, "old/", to), n)
	r := cli(t, nil, "verify", "-q", "-k", a.keys.otherAES, a.at(to)).want(t, exitOK) // --accept v3: nothing older
	if r.err != "" {
		t.Errorf("stderr = %s", r.err)
	}
	if got := strings.Count(cli(t, nil, "ls", a.at(to)).want(t, exitOK).out, "\n"); got != n {
		t.Errorf("%d objects, want %d", got, n)
	}
}

// journalled returns how often the journal says that each object is done.
func journalled(t *testing.T, path string) map[string]int {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) || len(data) == 0 {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte("\n")) {
		return nil // not even the header
	}
	_, entries, err := bulk.ReadJournal(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	done := make(map[string]int)
	for e, err := range entries {
		if err != nil {
			t.Fatal(err)
		}
		if e.Outcome == bulk.Done {
			done[e.Key]++
		}
	}
	return done
}
