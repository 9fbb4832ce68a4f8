// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
)

// inventory is what S3 writes, with all columns that are used.
const inventory = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass, " +
	"EncryptionStatus, ObjectLockRetainUntilDate, ObjectLockLegalHoldStatus"

// keysOf returns the keys of a sequence, and its error.
func keysOf(seq iter.Seq2[*backend.Info, error]) (keys []string, err error) {
	for info, e := range seq {
		if e != nil {
			err = e
			continue
		}
		keys = append(keys, info.Key)
	}
	return keys, err
}

func TestManifestInventory(t *testing.T) {
	text := `"b","a+b%2Fc%2B%22","v1","true","false","17","2024-05-06T07:08:09.000Z","d41d","STANDARD_IA","SSE-S3","",""
"b","old","v0","false","false","1","2024-05-06T07:08:09.000Z","x","STANDARD","NOT-SSE","",""
"b","marker","v2","true","true","","2024-05-06T07:08:09.000Z","","","","",""
"b","held","v3","true","false","3","2024-05-06T07:08:09.000Z","y","GLACIER","","2020-01-01T00:00:00.000Z","On"
"b","kept","v4","true","false","4","2024-05-06T07:08:09.000Z","z","GLACIER","","2999-01-01T00:00:00.000Z","Off"
`
	when := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	want := []backend.Info{
		{Key: `a b/c+"`, VersionID: "v1", Size: 17, ModTime: when, ETag: "d41d", StorageClass: "STANDARD_IA"},
		{Key: "old", VersionID: "v0", Size: 1, ModTime: when, ETag: "x", StorageClass: "STANDARD", Noncurrent: true},
		{Key: "held", VersionID: "v3", Size: 3, ModTime: when, ETag: "y", StorageClass: "GLACIER", Locked: true},
		{Key: "kept", VersionID: "v4", Size: 4, ModTime: when, ETag: "z", StorageClass: "GLACIER", Locked: true},
	}
	n := 0
	for info, err := range bulk.Manifest(strings.NewReader(text), &bulk.ManifestOptions{Schema: inventory, Bucket: "b", Versions: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if n >= len(want) || fmt.Sprint(*info) != fmt.Sprint(want[n]) {
			t.Errorf("object %d: %+v", n, *info)
		}
		n++
	}
	keys, err := keysOf(bulk.Manifest(strings.NewReader(text), &bulk.ManifestOptions{Schema: inventory, Prefix: "he"}))
	if n != len(want) || err != nil || fmt.Sprint(keys) != "[held]" {
		t.Errorf("%d objects, want %d; below a prefix %v, %v", n, len(want), keys, err)
	}
}

// TestManifestKeys reads back whatever keys were written, compressed or not.
func TestManifestKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.StringN(1, 40, -1)).Draw(t, "keys")
		var text bytes.Buffer
		var dst io.Writer = &text
		zip := gzip.NewWriter(&text)
		if zipped := rapid.Bool().Draw(t, "zipped"); zipped {
			dst = zip
		}
		w := csv.NewWriter(dst)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		for _, key := range want {
			w.Write([]string{`quoted "bucket", with a comma`, url.QueryEscape(key)})
		}
		w.Flush()
		if dst == zip {
			zip.Close()
		}
		got, err := keysOf(bulk.Manifest(iotest.HalfReader(&text), nil))
		if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("keys %q, %v, want %q", got, err, want)
		}
	})
}

// TestManifestHostile wants an error that says where, and what came before it.
func TestManifestHostile(t *testing.T) {
	good := "b,k1\nb,k2\n"
	for name, test := range map[string]struct {
		bad    string
		schema string
		where  string
	}{
		"few columns":   {"b\n", "", "line 3"},
		"many columns":  {"b,k,x\n", "", "line 3"},
		"bare quote":    {"b,k\"x\n", "", "line 3"},
		"open quote":    {"b,\"k\n", "", "line 3"},
		"huge":          {"b,\"" + strings.Repeat("k", 1<<20), "", "longer than"},
		"huge in lines": {"b,\"" + strings.Repeat("k\n", 1<<20), "", "longer than"},
		"percent":       {"b,%zz\n", "", "line 3: column key"},
		"cut percent":   {"b,k%2\n", "", "line 3: column key"},
		"no key":        {"b,\n", "", "line 3: column key"},
		"not UTF-8":     {"b,%ff\n", "", "line 3: column key"},
		"bucket":        {"c,k\n", "", "line 3: column bucket"},
		"no number":     {"1e3,k\n", "size,key", "line 1: column size"},
		"below zero":    {"-1,k\n", "size,key", "line 1: column size"},
		"overflow":      {"9223372036854775808,k\n", "size,key", "line 1: column size"},
		"no boolean":    {"maybe,k\n", "islatest,key", "line 1: column islatest"},
		"no time":       {"today,k\n", "lastmodifieddate,key", "line 1: column"},
		"no key column": {"", "bucket", "want a column Key"},
		"two columns":   {"", "key,Key", "column 2"},
		"empty column":  {"", "key,", "column 2"},
	} {
		t.Run(name, func(t *testing.T) {
			text, want := good+test.bad, "[k1 k2]"
			if test.schema != "" {
				text, want = test.bad, "[]"
			}
			keys, err := keysOf(bulk.Manifest(strings.NewReader(text), &bulk.ManifestOptions{Schema: test.schema, Bucket: "b"}))
			if !errors.Is(err, bulk.ErrManifest) || !strings.Contains(fmt.Sprint(err), test.where) || fmt.Sprint(keys) != want {
				t.Errorf("keys %v, error %v, want %s and ErrManifest %q", keys, err, want, test.where)
			}
		})
	}
}

// TestManifestCut cuts a compressed manifest anywhere: that must not pass for
// its end.
func TestManifestCut(t *testing.T) {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	io.WriteString(zip, strings.Repeat("b,k\n", 100))
	zip.Close()
	for n := 2; n < b.Len(); n++ {
		if keys, err := keysOf(bulk.Manifest(bytes.NewReader(b.Bytes()[:n]), nil)); err == nil {
			t.Errorf("%d of %d bytes: %d keys and no error", n, b.Len(), len(keys))
		}
	}
	broken := iotest.ErrReader(errSpy)
	if _, err := keysOf(bulk.Manifest(io.MultiReader(strings.NewReader("b,k\nb,"), broken), nil)); !errors.Is(err, errSpy) {
		t.Errorf("error %v, want that of the reader", err)
	}
	if keys, err := keysOf(bulk.Manifest(strings.NewReader(""), nil)); len(keys) > 0 || err != nil {
		t.Errorf("an empty manifest: %v, %v", keys, err)
	}
	seq := bulk.Manifest(strings.NewReader("b,k\n"), nil)
	keysOf(seq)
	if _, err := keysOf(seq); !errors.Is(err, bulk.ErrManifest) {
		t.Errorf("used twice: %v, want ErrManifest", err)
	}
}

// TestManifestMemory reads many lines, and a bomb, in the memory of a few.
func TestManifestMemory(t *testing.T) {
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	for range 1 << 6 {
		zip.Write(bytes.Repeat([]byte("bucket,key-of-some-length\n"), 1<<8))
	}
	zip.Write(make([]byte, 4<<20))
	zip.Close()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, peak := 0, uint64(0)
	var err error
	for _, err = range bulk.Manifest(&bomb, nil) {
		if n++; n%(1<<11) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
	}
	if n != 1<<14+1 || !errors.Is(err, bulk.ErrManifest) {
		t.Errorf("%d lines, %v", n, err)
	}
	if peak > before.HeapAlloc+1<<20 {
		t.Errorf("heap grew from %d to %d bytes", before.HeapAlloc, peak)
	}
}

func ExampleManifest() {
	const list = `"photos","2024%2Fa+b.jpg","1024"` + "\n" + `"photos","2024%2Fc.jpg","2048"` + "\n"
	objects := bulk.Manifest(strings.NewReader(list), &bulk.ManifestOptions{Schema: "Bucket, Key, Size", Bucket: "photos"})
	for info, err := range objects {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(info.Key, info.Size)
	}
	// Output:
	// 2024/a b.jpg 1024
	// 2024/c.jpg 2048
}
