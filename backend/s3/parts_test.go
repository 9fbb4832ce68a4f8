// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/backend/s3"
)

const (
	maxParts = 10000
	minPart  = 5 << 20
	maxPart  = 5 << 30
	maxSize  = 5 << 40
)

// A body of a known size goes into equal parts, 10,000 at most.
func TestPartsOfKnownSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, maxSize).Draw(t, "size")
		base := rapid.Int64Range(minPart, maxPart).Draw(t, "part size")
		part := s3.PartSize(size, 0, base, false, 0)
		if part < base || part > maxPart {
			t.Fatalf("part size %d: want %d to %d", part, base, int64(maxPart))
		}
		if parts := (size + part - 1) / part; parts > maxParts {
			t.Fatalf("%d parts of %d bytes: want at most %d", parts, part, maxParts)
		}
		if i := rapid.IntRange(0, maxParts-1).Draw(t, "i"); s3.PartSize(size, 0, base, false, i) != part {
			t.Fatalf("part %d has another size than part 0", i)
		}
	})
}

// A body of unknown size may become as large as S3 allows, without parts that
// are larger than S3 allows.
func TestPartsOfUnknownSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Int64Range(minPart, maxPart).Draw(t, "part size")
		var total, last int64
		for i := range maxParts {
			part := s3.PartSize(-1, 0, base, false, i)
			if part < max(base, last) || part > maxPart {
				t.Fatalf("part %d: size %d after %d, base %d", i, part, last, base)
			}
			last = part
			total += part
		}
		if total < maxSize {
			t.Fatalf("parts hold %d bytes, want %d", total, int64(maxSize))
		}
	})
}

func TestPartsGrowLate(t *testing.T) {
	const base = 8 << 20
	var total int64
	for i := range maxParts {
		part := s3.PartSize(-1, 0, base, false, i)
		if i < 800 && part != base {
			t.Fatalf("part %d, after %d bytes: size %d, want %d", i, total, part, base)
		}
		if total < 20<<30 && part > 64<<20 {
			t.Fatalf("part %d, after %d bytes: size %d, want at most 64 MiB", i, total, part)
		}
		if part > 1200<<20 {
			t.Fatalf("part %d: size %d, want at most 1200 MiB", i, part)
		}
		if got := s3.PartSize(-1, 0, base, true, i); got != base {
			t.Fatalf("equal part %d: size %d, want %d", i, got, base)
		}
		total += part
	}
}

// What is known not to be longer than GCM allows needs no parts but small ones,
// and what may be much longer is not known better for that.
func TestPartsOfLimitedSize(t *testing.T) {
	const gcm = 64<<30 - 32 + 16
	for _, base := range []int64{5 << 20, 6 << 20, 8 << 20, 100 << 20} {
		for _, equal := range []bool{false, true} {
			part := s3.PartSize(-1, gcm, base, equal, maxParts-1)
			if first := s3.PartSize(-1, gcm, base, equal, 0); first != part || part > max(base, 7<<20) || part*maxParts < gcm {
				t.Errorf("base %d: parts of %d to %d bytes", base, first, part)
			}
			for _, i := range []int{0, 799, 5000} {
				got, want := s3.PartSize(-1, maxSize, base, equal, i), s3.PartSize(-1, 0, base, equal, i)
				if base < 100<<20 && got != want {
					t.Errorf("base %d, part %d: limit of S3: %d bytes, want %d as without", base, i, got, want)
				}
			}
		}
	}
}

// The ETag of a multipart object as S3 makes it, computed once with openssl.
func TestMultipartETag(t *testing.T) {
	a, b := "0cc175b9c0f1b6a831c399e269772661", "92eb5ffee6ae2fec3ad71c777531578f"
	got, ok := s3.MultipartETag(a, b)
	if want := "96e024ba2074fe77e8e965ba43a704be-2"; !ok || got != want {
		t.Errorf("MultipartETag = %q, %v, want %q", got, ok, want)
	}
	for _, bad := range []string{"", "abc", a + "-2", a + "00", "zz" + a[2:]} {
		if got, ok := s3.MultipartETag(a, bad); ok {
			t.Errorf("MultipartETag with %q = %q, want none", bad, got)
		}
	}
}
