// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/bulk"
)

// TestMigrateUnderOldKey: what an earlier migration has left at DST under the old
// key is not what one to a new key was to leave there.
func TestMigrateUnderOldKey(t *testing.T) {
	ks := newKeySet(t)
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	cli(t, strings.NewReader("precious"), "put", "-q", "-k", ks.aes, "--format", "v2", "-", root+"//p/x").want(t, exitOK)
	migrate := func(args ...string) result {
		return cli(t, nil, append(append([]string{"migrate", "--accept", "v2", "--json"}, args...), root+"//p/", root+"//q/")...)
	}
	for range 2 { // what has the key is done
		if s := summaryOf(t, migrate("-k", ks.aes).want(t, exitOK)); s.Done != 1 {
			t.Errorf("summary = %+v, want 1 done", s)
		}
	}
	r := migrate("-k", ks.aes, "--to", ks.otherAES)
	if s := summaryOf(t, r); r.code != exitPartly || s.Done != 0 || s.Failed != 1 || !strings.Contains(r.err, "the destination has another object") {
		t.Errorf("exit code %d, summary = %+v, want 1 failed: %s", r.code, s, r.err)
	}
	wantPlain(t, root, map[string]string{"p/x": "precious", "q/x": "precious"}, ks.aes)
}

// TestMigrateToPublicKey: what is there already can be read if the private key is
// one of the old ones, and is a failure if it is not.
func TestMigrateToPublicKey(t *testing.T) {
	ks := newKeySet(t)
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	cli(t, strings.NewReader("precious"), "put", "-q", "-k", ks.aes, "--format", "v2", "-", root+"//p/x").want(t, exitOK)
	migrate := func(args ...string) result {
		return cli(t, nil, append(append([]string{"migrate", "--accept", "v2", "--to", ks.rsaPub}, args...), root+"//p/", root+"//q/")...)
	}
	migrate("-k", ks.aes).want(t, exitOK)
	for _, args := range [][]string{{"-k", ks.aes}, {"-k", ks.aes, "-k", ks.otherRSA}} {
		if r := migrate(args...); r.code != exitPartly || !strings.Contains(r.err, "the destination has another object") {
			t.Errorf("%q: exit code %d, want that what is there cannot be read: %s", args, r.code, r.err)
		}
	}
	migrate("-k", ks.aes, "-k", ks.rsa).want(t, exitOK)
}

// TestRewrapJournalOfKeys: who is to open objects, and who must not, is part of
// what a journal is about; the order of flags is not.
func TestRewrapJournalOfKeys(t *testing.T) {
	ks := newKeySet(t)
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	journal := filepath.Join(t.TempDir(), "journal")
	rewrap := func(args ...string) result {
		return cli(t, nil, append(append([]string{"rewrap", "-r", "--to", ks.otherAES, "--json", "--journal", journal}, args...), root+"//p/")...)
	}
	cli(t, strings.NewReader("precious"), "put", "-q", "-k", ks.aes, "--format", "chunked", "-", root+"//p/x").want(t, exitOK)
	rewrap("-k", ks.aes, "--recipient", ks.rsa, "--recipient", ks.otherRSA).want(t, exitOK)
	if s := summaryOf(t, rewrap("-k", ks.aes, "--recipient", ks.otherRSA, "--recipient", ks.rsaPub).want(t, exitOK)); s.Skipped != 1 {
		t.Errorf("summary = %+v, want that it is done", s)
	}
	if r := rewrap("-k", ks.otherAES).want(t, exitFailure, "another job", "use another --journal file for this job"); strings.Contains(r.err, "{") {
		t.Errorf("stderr = %q, want plain text", r.err)
	}
	rewrap("-k", ks.otherAES, "--recipient", ks.otherRSA).want(t, exitFailure, "another job")
	rewrap("-k", ks.aes, "--recipient", ks.rsa, "--recipient", ks.otherRSA, "--must-not-open", ks.aes).want(t, exitFailure, "another job")
	rewrap("-k", ks.aes, "--recipient", ks.rsa, "--recipient", ks.otherRSA, "--revoke").want(t, exitFailure, "another job")
	wantPlain(t, root, map[string]string{"p/x": "precious"}, ks.rsa)

	journal += "-2"
	wantPartly(t, rewrap("-k", ks.otherAES, "--recipient", ks.otherRSA, "--must-not-open", ks.rsa), "--drop-recipients")
	rewrap("-k", ks.otherAES, "--recipient", ks.otherRSA, "--must-not-open", ks.rsa, "--drop-recipients").want(t, exitOK)
	wantPlain(t, root, map[string]string{"p/x": "precious"}, ks.otherRSA)
	cli(t, nil, "cat", "-k", ks.rsa, root+"//p/x").want(t, exitDecrypt)
}

// TestRewrapKeepsRecipients: a key for recovery is not lost by a rotation of the
// other one, unless that was asked for, and a dry run says so.
func TestRewrapKeepsRecipients(t *testing.T) {
	ks := newKeySet(t)
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	at := root + "//p/x"
	cli(t, strings.NewReader("precious"), "put", "-q", "-k", ks.aes, "-k", ks.rsaPub, "--format", "chunked", "-", at).want(t, exitOK)
	rewrap := func(args ...string) result {
		return cli(t, nil, append([]string{"rewrap", "-k", ks.aes, "--to", ks.otherAES}, args...)...)
	}
	rewrap(at).want(t, exitPolicy, "--recipient", "--drop-recipients")
	rewrap("--dry-run", at).want(t, exitPolicy, "--recipient", "--drop-recipients")
	wantPartly(t, rewrap("-r", root), "1 of 1 objects failed", "--recipient", "--drop-recipients")
	wantPartly(t, rewrap("-r", "--dry-run", root), "--recipient", "--drop-recipients")
	plain := map[string]string{"p/x": "precious"}
	wantPlain(t, root, plain, ks.aes)
	wantPlain(t, root, plain, ks.rsa)
	rewrap("--recipient", ks.rsaPub, at).want(t, exitOK)
	wantPlain(t, root, plain, ks.otherAES)
	wantPlain(t, root, plain, ks.rsa)
	cli(t, nil, "rewrap", "-k", ks.otherAES, "--to", ks.aes, "--drop-recipients", at).want(t, exitOK)
	wantPlain(t, root, plain, ks.aes)
	cli(t, nil, "cat", "-k", ks.rsa, at).want(t, exitDecrypt)
}

// TestMigrateJournalOfAll: whether what is in the format already is sealed anew, too,
// may change from run to run. What was done stays done, and what was skipped is not.
func TestMigrateJournalOfAll(t *testing.T) {
	ks := newKeySet(t)
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	journal := filepath.Join(t.TempDir(), "journal")
	for _, format := range []string{"v3", "v2"} {
		cli(t, strings.NewReader("precious"), "put", "-q", "-k", ks.aes, "--format", format, "-", root+"//p/"+format).want(t, exitOK)
	}
	migrate := func(args ...string) jobSummary {
		args = append([]string{
			"migrate", "-k", ks.aes, "--to", ks.otherAES, "--accept", "v2", "--in-place", "--force-unversioned",
			"--json", "--journal", journal, root + "//p/",
		}, args...)
		return summaryOf(t, cli(t, nil, args...).want(t, exitOK))
	}
	if s := migrate(); s.Done != 1 || s.Reasons[bulk.ReasonTarget] != 1 {
		t.Errorf("without --all: %+v, want one of two", s)
	}
	if s := migrate("--all"); s.Done != 1 || s.Reasons[bulk.ReasonJournal] != 1 {
		t.Errorf("with --all: %+v, want the other one", s)
	}
	if s := migrate(); s.Skipped != 2 || s.Reasons[bulk.ReasonJournal] != 2 {
		t.Errorf("without it again: %+v, want nothing to do", s)
	}
	wantPlain(t, root, map[string]string{"p/v3": "precious", "p/v2": "precious"}, ks.otherAES)
}

// TestMigrateLeavesBehind: what is not at DST is counted, and is no success where
// it may be sealed.
func TestMigrateLeavesBehind(t *testing.T) {
	for reason, want := range map[string]int{
		bulk.ReasonLocked: exitPartly, bulk.ReasonArchived: exitPartly,
		bulk.ReasonNotEncrypted: exitOK, bulk.ReasonInstructionFile: exitOK, bulk.ReasonNoncurrent: exitOK,
	} {
		sum := &bulk.Summary{Done: 1, Skipped: 2, Reasons: map[string]int64{reason: 2}}
		j := &job{copies: true, to: "s3://b/q/"}
		if got := exitCode(t.Context(), j.verdict(&jobWatch{}, sum, nil)); got != want {
			t.Errorf("%s: exit code %d, want %d", reason, got, want)
		}
		said := strings.Contains(j.text(sum), "not at DST: 2")
		if want := reason == bulk.ReasonNotEncrypted || want == exitPartly; said != want {
			t.Errorf("%s: summary %q, want what is not at DST: %v", reason, j.text(sum), want)
		}
		j.copies = false
		if err := j.verdict(&jobWatch{}, sum, nil); err != nil {
			t.Errorf("%s in place: %v, want no error", reason, err)
		}
	}
}

// TestMigrateTarget: an object in the new format already is at DST, too.
func TestMigrateTarget(t *testing.T) {
	ks := newKeySet(t)
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	cli(t, strings.NewReader("precious"), "put", "-q", "-k", ks.aes, "-", root+"//p/x").want(t, exitOK)
	cli(t, nil, "migrate", "-k", ks.aes, "--to", ks.otherAES, root+"//p/", root+"//q/").want(t, exitOK)
	wantPlain(t, root, map[string]string{"q/x": "precious"}, ks.otherAES)
}
