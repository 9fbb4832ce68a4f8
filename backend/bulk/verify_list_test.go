// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

func sumOf(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

// TestVerifyAgainst has objects that are as they should be, others, more and
// fewer of them.
func TestVerifyAgainst(t *testing.T) {
	d, k := mem.New(), auditKey(t)
	for _, key := range []string{"same", "replaced", "unlisted", "binary", "line\nbreak", `back\slash`, "journal", "dir/to"} {
		sealedBy(t, d, key, k, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.V2CBC}}, []byte(key))
	}
	sealedBy(t, d, "file", k, &backend.Options{InstructionFile: true}, []byte("file"))
	rawPut(t, d, "plain", []byte("plain"), nil)
	rawPut(t, d, "more", []byte("plain"), nil)
	list := strings.Join([]string{
		sumOf("same") + "  same",
		sumOf("another") + "  replaced",
		strings.ToUpper(sumOf("binary")) + " *binary",
		`\` + sumOf("line\nbreak") + `  line\nbreak`,
		sumOf(`back\slash`) + `  back\slash`,
		sumOf("deleted") + "  deleted",
		sumOf("file") + "  file",
		sumOf("plain") + "  plain",
		"",
		`{"s3seal_journal":1,"operation":"migrate"}`,
		`{"key":"src","to":"dir/to","outcome":"begun","sha256":"` + sumOf("no") + `"}`,
		`{"key":"src","to":"dir/to","outcome":"done","sha256":"` + sumOf("dir/to") + `"}`,
		`{"key":"journal","outcome":"done","sha256":"` + sumOf("first") + `"}`,
		`{"key":"journal","outcome":"done","sha256":"` + sumOf("journal") + `"}`,
		`{"key":"journal","outcome":"failed","reason":"x","sha256":"` + sumOf("no") + `"}`,
		`{"key":"torn","outcome":"do`,
	}, "\n")
	want := map[string]error{
		"same": nil, "binary": nil, "line\nbreak": nil, `back\slash`: nil, "journal": nil, "dir/to": nil, "file": nil,
		"replaced": bulk.ErrSum, "unlisted": bulk.ErrUnlisted, "deleted": bulk.ErrMissing, "plain": envelope.ErrNotEncrypted,
		"more": nil, "file.instruction": nil,
	}
	sum, results := verifyAll(t, legacyReader(d, k, nil), &bulk.VerifyOptions{Against: iotest.OneByteReader(strings.NewReader(list))})
	for key, err := range want {
		if r, ok := results[key]; !ok || (r.Outcome == bulk.Failed) != (err != nil) || !errors.Is(r.Err, err) {
			t.Errorf("%q: %+v, want %v", key, r, err)
		}
	}
	if sum.Done != 7 || sum.Failed != 4 || sum.Skipped != 2 || sum.Reasons[bulk.ReasonNotEncrypted] != 1 {
		t.Errorf("summary %+v, want 7 done, 4 failed, 2 skipped", sum)
	}
}

// TestVerifyAgainstPlaintext compares what is not encrypted where that may be
// read at all.
func TestVerifyAgainstPlaintext(t *testing.T) {
	d := mem.New()
	rawPut(t, d, "good", []byte("good"), nil)
	rawPut(t, d, "bad", []byte("bad"), nil)
	rawPut(t, d, "more", []byte("more"), nil)
	b := backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}})
	list := sumOf("good") + "  good\n" + sumOf("other") + "  bad\n"
	sum, results := verifyAll(t, b, &bulk.VerifyOptions{Against: strings.NewReader(list)})
	if sum.Done != 1 || sum.Unauthenticated != 1 || sum.Skipped != 1 || !errors.Is(results["bad"].Err, bulk.ErrSum) {
		t.Errorf("summary %+v, bad: %v", sum, results["bad"].Err)
	}
	if sum, _ := verifyAll(t, b, nil); sum.Skipped != 3 {
		t.Errorf("without a list: %+v, want all skipped", sum)
	}
}

// TestVerifyAgainstVersions does not take an old version for the object.
func TestVerifyAgainstVersions(t *testing.T) {
	b := legacyReader(mem.New(), auditKey(t), nil)
	objects := sequence([]*backend.Info{{Key: "deleted", Noncurrent: true}})
	sum, err := bulk.Verify(t.Context(), b, objects, &bulk.VerifyOptions{Against: strings.NewReader(sumOf("x") + "  deleted\n")})
	if err != nil || sum.Failed != 1 || sum.Skipped != 1 {
		t.Errorf("Verify = %+v, %v; want a missing object beside a skipped version", sum, err)
	}
}

// TestVerifyAgainstShards misses objects in the shard that holds them only.
func TestVerifyAgainstShards(t *testing.T) {
	d := mem.New()
	var list strings.Builder
	for i := range 100 {
		fmt.Fprintf(&list, "%s  missing%d\n", sumOf("x"), i)
	}
	failed := int64(0)
	for i := range 3 {
		sum, _ := verifyAll(t, legacyReader(d, auditKey(t), nil), &bulk.VerifyOptions{
			Options: bulk.Options{Shard: bulk.Shard{Index: i, Count: 3}}, Against: strings.NewReader(list.String()),
		})
		failed += sum.Failed
	}
	if failed != 100 {
		t.Errorf("%d missing in three shards, want 100", failed)
	}
	dry := &bulk.VerifyOptions{Options: bulk.Options{DryRun: true}, Against: strings.NewReader(list.String())}
	if sum, _ := verifyAll(t, keyless(d), dry); sum.Failed != 100 {
		t.Errorf("dry run: %+v, want all missing", sum)
	}
}

// TestVerifyAgainstPrefix leaves out what is listed elsewhere, and says so.
func TestVerifyAgainstPrefix(t *testing.T) {
	d, k := mem.New(), auditKey(t)
	for _, key := range []string{"in/x", "out/x"} {
		sealedBy(t, d, key, k, nil, []byte(key))
	}
	b := legacyReader(d, k, nil)
	list := strings.Join([]string{
		sumOf("in/x") + "  in/x", sumOf("gone") + "  in/gone",
		sumOf("out/x") + "  out/x", sumOf("gone") + "  out/gone", sumOf("gone") + "  out/gone",
		`{"key":"y","to":"out/y","outcome":"failed"}`,
		`{"key":"anywhere","outcome":"failed"}`,
	}, "\n")
	objects := b.List(t.Context(), &backend.ListOptions{Prefix: "in/"})
	sum, err := bulk.Verify(t.Context(), b, objects, &bulk.VerifyOptions{Prefix: "in/", Against: strings.NewReader(list)})
	if err != nil || sum.Done != 1 || sum.Failed != 2 || sum.Outside != 3 || sum.Total() != 3 {
		t.Errorf("Verify = %+v, %v; want one verified, one missing, one that failed anywhere, and three outside", sum, err)
	}
}

// TestVerifyAgainstDamaged does not pass over what it cannot read.
func TestVerifyAgainstDamaged(t *testing.T) {
	b := legacyReader(vault(t, 100), auditKey(t), nil)
	errRead := errors.New("disk on fire")
	for name, list := range map[string]io.Reader{
		"words":        strings.NewReader("hello world\n"),
		"short sum":    strings.NewReader(sumOf("x")[1:] + "  key\n"),
		"not hex":      strings.NewReader(strings.Repeat("g", 64) + "  key\n"),
		"no key":       strings.NewReader(sumOf("x") + "  \n"),
		"one space":    strings.NewReader(sumOf("x") + " key\n"),
		"escape":       strings.NewReader(`\` + sumOf("x") + `  k\x` + "\n"),
		"half escape":  strings.NewReader(`\` + sumOf("x") + `  k\`),
		"torn inside":  strings.NewReader(`{"key":"k` + "\n" + sumOf("x") + "  k\n"),
		"long sum":     strings.NewReader(`{"key":"k","outcome":"done","sha256":"` + sumOf("x") + "00\"}\n"),
		"entry, empty": strings.NewReader(`{"outcome":"done","sha256":"` + sumOf("x") + "\"}\n"),
		"long line":    strings.NewReader(sumOf("x") + "  " + strings.Repeat("k", 1<<20)),
		"failing":      iotest.ErrReader(errRead),
	} {
		sum, err := bulk.Verify(t.Context(), b, b.List(t.Context(), nil), &bulk.VerifyOptions{Against: list})
		if err == nil || sum == nil || sum.Total() != 0 {
			t.Errorf("%s: Verify = %+v, %v; want an error before anything is read", name, sum, err)
		}
		if name == "failing" && !errors.Is(err, errRead) {
			t.Errorf("Verify = %v, want the error of the reader", err)
		}
	}
}
