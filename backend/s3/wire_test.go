// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// formatNames are the names that the S3 encryption formats give to metadata.
// All of them begin like a header of S3 itself, and a client that sent one as
// such would make the object unreadable for ever.
var formatNames = []string{
	"x-amz-key", "x-amz-iv", "x-amz-matdesc",
	"x-amz-key-v2", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len",
	"x-amz-c", "x-amz-3", "x-amz-w", "x-amz-d", "x-amz-i", "x-amz-m", "x-amz-t",
	"x-amz-crypto-instr-file", "x-amz-unencrypted-content-length",
	"x-amz-checksum-mine", "x-amz-grant-mine", "x-amz-acl", "x-amz-storage-class", // what the client would send bare
	"content-type", "cache-control", "plain",
}

func formatMetadata() map[string]string {
	meta := make(map[string]string)
	for i, name := range formatNames {
		meta[name] = fmt.Sprintf("value %d", i)
	}
	return meta
}

func TestMetadataOnTheWire(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for kind, n := range map[string]int{kindPut: 100, kindStart: 5*mib + 1} {
			var rec recorder
			d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), srv.NewBucket(t), smallParts)
			opts := &backend.PutOptions{Metadata: formatMetadata(), ContentType: "text/x-test"}
			if _, err := d.Put(t.Context(), "key", &source{n: n}, int64(n), opts); err != nil {
				t.Fatalf("Put of %d bytes = %v", n, err)
			}
			reqs := rec.of(kind)
			if len(reqs) != 1 {
				t.Fatalf("%s requests: got %d, want 1", kind, len(reqs))
			}
			wantMetadataHeaders(t, reqs[0].header)
			for _, req := range rec.of(kindPart) {
				wantNoMetadataHeaders(t, req.header)
			}
		}
	})
}

func wantMetadataHeaders(t *testing.T, header http.Header) {
	t.Helper()
	for name, value := range formatMetadata() {
		if got := header.Values("x-amz-meta-" + name); len(got) != 1 || got[0] != value {
			t.Errorf("header x-amz-meta-%s: got %q, want %q", name, got, value)
		}
	}
	if got := header.Get("Content-Type"); got != "text/x-test" {
		t.Errorf("header Content-Type: got %q, want text/x-test", got)
	}
	// Nothing but this may leave the client: above all no digest of anything
	// that is not the stored body.
	for name := range header {
		name = strings.ToLower(name)
		if !strings.HasPrefix(name, "x-amz-meta-") && !strings.Contains(" authorization content-type content-length user-agent x-amz-content-sha256 x-amz-date"+
			" x-amz-checksum-crc32c x-amz-checksum-algorithm x-amz-checksum-type ", " "+name+" ") {
			t.Errorf("header %s: %q, which nobody asked for", name, header.Values(name))
		}
	}
	if n := countMetadata(header); n != len(formatNames) {
		t.Errorf("metadata headers: got %d, want %d", n, len(formatNames))
	}
}

func wantNoMetadataHeaders(t *testing.T, header http.Header) {
	t.Helper()
	if n := countMetadata(header); n != 0 {
		t.Errorf("metadata headers of a part: got %d, want 0", n)
	}
}

func countMetadata(header http.Header) (n int) {
	for name := range header {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-meta-") {
			n++
		}
	}
	return n
}

// Bodies go out as they are stored, under a signature of all their bytes.
func TestBodiesOnTheWire(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, n := range []int{0, 1, 70_000, 5 * mib, 5*mib + 1} {
			var rec recorder
			d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), srv.NewBucket(t), smallParts)
			data := pattern(n)
			mustPut(t, d, "key", data)
			reqs := append(rec.of(kindPut), rec.of(kindPart)...)
			var sent int
			for _, req := range reqs {
				sum := sha256.Sum256(req.body)
				if got := req.header.Get("X-Amz-Content-Sha256"); got != hex.EncodeToString(sum[:]) {
					t.Errorf("%d bytes: %s has the hash %q, want that of its body", n, req.kind, got)
				}
				crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum(req.body, crc32.MakeTable(crc32.Castagnoli)))
				if got := req.header.Get("X-Amz-Checksum-Crc32c"); got != base64.StdEncoding.EncodeToString(crc) {
					t.Errorf("%d bytes: %s has the checksum %q, want that of its body", n, req.kind, got)
				}
				if !bytes.Contains(data, req.body) {
					t.Errorf("%d bytes: %s has a body that is not a piece of the data", n, req.kind)
				}
				sent += len(req.body)
			}
			if sent != n {
				t.Errorf("%d bytes: sent %d", n, sent)
			}
			if want := max(1, (n+5*mib-1)/(5*mib)); len(reqs) != want {
				t.Errorf("%d bytes: %d requests with a body, want %d", n, len(reqs), want)
			}
			wantBody(t, d, "key", data)
		}
	})
}

// A read is one request, so that metadata and body are of one version.
func TestGetIsOneRequest(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		var rec recorder
		d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), srv.NewBucket(t), nil)
		mustPut(t, d, "key", pattern(100))
		for _, r := range []*backend.Range{nil, {Offset: 5, Length: 10}} {
			rec.reqs = nil
			if _, err := readAll(t, d, "key", backend.GetOptions{Range: r}); err != nil {
				t.Fatalf("Get = %v", err)
			}
			if len(rec.reqs) != 1 || rec.reqs[0].kind != kindGet {
				t.Errorf("requests of a Get: got %d, want 1", len(rec.reqs))
			}
		}
	})
}
