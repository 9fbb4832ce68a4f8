// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/s3seal/s3seal/backend"
)

// maxContents bounds what is read of a record. S3 allows 2 KiB of metadata.
const maxContents = 1 << 20

// defaultType is the media type of objects that were stored without one.
const defaultType = "application/octet-stream"

// castagnoli is the CRC with an instruction of its own on most processors. It
// finds the record of a copied body; against forgery there is the encryption.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// An identity is what the file system knows about a body. Two bodies of one
// key that exist at different times can have the same; put prevents that.
type identity struct {
	inode uint64
	mtime int64 // nanoseconds since 1970
	size  int64
}

// identify returns the identity of an open file, which must be a regular one.
func identify(f *os.File) (identity, fs.FileInfo, error) {
	fi, err := f.Stat()
	if err != nil {
		return identity{}, nil, err
	}
	ino, err := inode(f, fi)
	return identity{inode: ino, mtime: fi.ModTime().UnixNano(), size: fi.Size()}, fi, err
}

// sameFile reports whether a and b are the same file as long as it exists,
// even if it was changed in place.
func (a identity) sameFile(b identity) bool {
	return a == b || a.inode == b.inode && a.inode != 0
}

// A record is what the name of a file of metadata says: which body it is for.
type record struct {
	identity
	sum   uint32 // CRC-32C of the body
	nonce string // 32 hex digits, chosen by the put
}

// name is what file systems of all kinds take as a file name.
func (r record) name() string {
	return fmt.Sprintf("%016x-%016x-%016x-%08x-%s.json", r.inode, uint64(r.mtime), r.size, r.sum, r.nonce)
}

// parseRecord is the inverse of name. Other files in the folder are not ours.
func parseRecord(name string) (record, bool) {
	fields := strings.Split(strings.TrimSuffix(name, ".json"), "-")
	if len(fields) != 5 || len(fields[4]) != nonceSize*2 {
		return record{}, false
	}
	var n [4]uint64
	for i := range n {
		v, err := strconv.ParseUint(fields[i], 16, 64)
		if err != nil {
			return record{}, false
		}
		n[i] = v
	}
	r := record{identity{n[0], int64(n[1]), int64(n[2])}, uint32(n[3]), fields[4]}
	return r, r.size >= 0 && r.name() == name
}

// records lists the records of o, among them all of bodies that are alive.
func (d *Driver) records(o object) ([]record, error) {
	names, err := readNames(d.root, o.records())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a folder with a record in it cannot be removed
	}
	if err != nil {
		return nil, fmt.Errorf("dir: list records: %w", err)
	}
	var list []record
	for _, name := range names {
		if r, ok := parseRecord(name); ok {
			list = append(list, r)
		}
	}
	return list, nil
}

// committed returns those records whose bodies have been put.
func (d *Driver) committed(o object, recs []record) []record {
	return filter(recs, func(r record) bool { return !d.pending(o, r) })
}

// pending reports whether the body of r is still in tmp. It leaves once, for
// the key or to be swept, and the second name is looked at second, so that it
// cannot slip through.
func (d *Driver) pending(o object, r record) bool {
	for _, name := range []string{o.temp(r.nonce), o.temp(r.nonce) + swept} {
		if _, err := d.root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// contents are what is in a record. The key is there to be checked, and for
// people who look around in the folder.
type contents struct {
	Key         string            `json:"key"`
	ContentType string            `json:"contentType"`
	Headers     map[string]string `json:"headers,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

// newContents returns a copy of what opts say about the object.
func newContents(key string, opts *backend.PutOptions) contents {
	c := contents{key, opts.ContentType, maps.Clone(opts.Headers), maps.Clone(opts.Metadata)}
	if c.ContentType == "" {
		c.ContentType = defaultType
	}
	return c
}

// encode refuses what JSON would not give back as it was.
func (c contents) encode() ([]byte, error) {
	for name, value := range c.Metadata {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, fmt.Errorf("dir: metadata %q is not UTF-8", name)
		}
	}
	if !utf8.ValidString(c.ContentType) {
		return nil, fmt.Errorf("dir: content type %q is not UTF-8", c.ContentType)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("dir: metadata: %w", err)
	}
	if b.Len() > maxContents {
		return nil, fmt.Errorf("dir: metadata: want at most %d bytes, got %d", maxContents, b.Len())
	}
	return b.Bytes(), nil
}

// load reads a record. The error wraps fs.ErrNotExist if it has been removed.
func (d *Driver) load(o object, r record) (contents, error) {
	f, err := d.root.OpenFile(o.records()+"/"+r.name(), openFlags, 0)
	if err != nil {
		return contents{}, fmt.Errorf("dir: record of %.100q: %w", o.key, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxContents+1))
	if err != nil {
		return contents{}, fmt.Errorf("dir: record of %.100q: %w", o.key, err)
	}
	var c contents
	if len(data) > maxContents {
		return c, fmt.Errorf("dir: record of %.100q: want at most %d bytes, got more", o.key, maxContents)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("dir: record of %.100q is damaged: %w", o.key, err)
	}
	if c.Key != o.key {
		return c, fmt.Errorf("dir: record of %.100q is for %.100q", o.key, c.Key)
	}
	return c, nil
}
