// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"github.com/s3seal/s3seal/backend"
)

// exact returns the record that names the body, or nil.
func exact(recs []record, id identity) *record {
	for i := range recs {
		if recs[i].identity == id {
			return &recs[i]
		}
	}
	return nil
}

// guess finds the record of a body that none names: one that was copied,
// changed in place, or not put by this package. It returns nil if the body has
// none. recs are the records of bodies that were put before the body was last
// seen under its key. The package comment gives the rules.
func (d *Driver) guess(ctx context.Context, o object, f *os.File, id identity, recs []record) (*record, error) {
	if len(recs) < 2 {
		return latest(recs, id), nil // with no choice there is no need to read the body
	}
	same := filter(recs, func(r record) bool { return r.size == id.size })
	if len(same) > 0 {
		sum, err := checksum(ctx, f, id.size)
		if err != nil {
			return nil, fmt.Errorf("dir: read %.100q: %w", o.key, err)
		}
		same = filter(same, func(r record) bool { return r.sum == sum })
	}
	if len(same) > 0 {
		return latest(same, id), nil
	}
	return latest(recs, id), nil
}

// filter returns the records that keep accepts.
func filter(recs []record, keep func(record) bool) []record {
	var list []record
	for _, r := range recs {
		if keep(r) {
			list = append(list, r)
		}
	}
	return list
}

// checksum returns the CRC-32C of an open body.
func checksum(ctx context.Context, f *os.File, size int64) (uint32, error) {
	src := backend.NewBodyReader(ctx, io.NewSectionReader(f, 0, size), size)
	sum := crc32.New(castagnoli)
	_, err := io.CopyBuffer(sum, src, make([]byte, chunkSize))
	return sum.Sum32(), err
}

// latest returns the most likely of several records, or nil if there is none:
// of the same mtime, which some ways of copying preserve; of the same inode,
// which changing in place does; else that of the last body.
func latest(recs []record, id identity) *record {
	if len(recs) == 0 {
		return nil
	}
	r := slices.MaxFunc(recs, func(a, b record) int {
		return cmp.Or(
			compareBool(a.mtime == id.mtime, b.mtime == id.mtime),
			compareBool(a.sameFile(id), b.sameFile(id)),
			cmp.Compare(a.mtime, b.mtime),
			cmp.Compare(a.nonce, b.nonce),
		)
	})
	return &r
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
