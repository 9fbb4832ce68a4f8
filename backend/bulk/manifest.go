// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/s3seal/s3seal/backend"
)

const (
	// DefaultSchema names the columns of the simplest manifest.
	DefaultSchema = "Bucket, Key"

	// maxRecord is the size in bytes of the longest line: a key of 1024 bytes
	// takes 3 KiB, and no other column comes near to that.
	maxRecord = 64 << 10
)

// ErrManifest says that a manifest is not what it should be.
var ErrManifest = errors.New("bulk: manifest")

// ManifestOptions say what a [Manifest] looks like and what of it is wanted. The
// zero value, and a nil pointer, take all lines of bucket and key.
type ManifestOptions struct {
	// Schema names the columns in their order, with commas in between, as the
	// fileSchema of an inventory does; empty means [DefaultSchema]. Key must be
	// among them. Bucket, IsLatest, IsDeleteMarker, VersionId, Size,
	// LastModifiedDate, ETag, StorageClass, ObjectLockRetainUntilDate and
	// ObjectLockLegalHoldStatus are used; columns of other names are not.
	Schema string

	// Bucket, if not empty, is the only name that the column Bucket may have.
	// Without that column it does not matter.
	Bucket string

	// Prefix is that of the keys that are wanted.
	Prefix string

	// Versions also yields the noncurrent versions of objects, with
	// Info.Noncurrent set, for jobs to count.
	Versions bool
}

// Manifest yields the objects that r lists in CSV, as an S3 Inventory has it,
// compressed by gzip or not: without a header line, every field in quotes or not
// (RFC 4180), keys URL-encoded. Delete markers and noncurrent versions are left
// out.
//
// Whoever can write the manifest decides what a job works on, and nothing else:
// the jobs of this package take no more from it than the key, the ETag by which
// the journal says that it is done, and what it takes to skip it. What the
// columns do not tell is the zero value. The Total of a manifest is not known
// before it was read once.
//
// A line that is not as the schema says is an error that wraps [ErrManifest] and
// names the line, and ends the sequence; so does an error of r. It takes the
// memory of a line, which must not be longer than 64 KiB. r is read while the
// sequence is, which works once, and not concurrently. opts may be nil.
func Manifest(r io.Reader, opts *ManifestOptions) iter.Seq2[*backend.Info, error] {
	if opts == nil {
		opts = new(ManifestOptions)
	}
	used := false
	return func(yield func(*backend.Info, error) bool) {
		m, err := openManifest(r, opts)
		if used {
			err = fmt.Errorf("%w: it can be read once only", ErrManifest)
		}
		used = true
		for err == nil {
			var info *backend.Info
			if info, err = m.next(); err != nil {
				break
			}
			if info != nil && !yield(info, nil) {
				return
			}
		}
		if err != io.EOF {
			yield(nil, err)
		}
	}
}

// A manifest is one that is being read.
type manifest struct {
	opts    *ManifestOptions
	columns []string
	src     *limitedReader
	csv     *csv.Reader
	now     time.Time
}

func openManifest(r io.Reader, opts *ManifestOptions) (*manifest, error) {
	columns, err := parseSchema(opts.Schema)
	if err != nil {
		return nil, err
	}
	src := bufio.NewReader(r)
	r = src
	if magic, _ := src.Peek(2); string(magic) == "\x1f\x8b" { // an error comes again
		if r, err = gzip.NewReader(src); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrManifest, err)
		}
	}
	m := &manifest{opts: opts, columns: columns, src: &limitedReader{src: r, left: maxRecord}, now: time.Now()}
	m.csv = csv.NewReader(m.src)
	m.csv.FieldsPerRecord = len(columns)
	m.csv.ReuseRecord = true
	return m, nil
}

// parseSchema returns the names of the columns in lower case: inventories write
// them in upper camel case, and so do not all who write them by hand.
func parseSchema(schema string) ([]string, error) {
	if schema == "" {
		schema = DefaultSchema
	}
	columns := strings.Split(strings.ToLower(schema), ",")
	for i, c := range columns {
		columns[i] = strings.TrimSpace(c)
		if columns[i] == "" || slices.Contains(columns[:i], columns[i]) {
			return nil, fmt.Errorf("%w: schema %q: column %d has no name, or that of another one", ErrManifest, schema, i+1)
		}
	}
	if !slices.Contains(columns, "key") {
		return nil, fmt.Errorf("%w: schema %q: want a column Key", ErrManifest, schema)
	}
	return columns, nil
}

// next reads a line. It returns nil for one that is not wanted.
func (m *manifest) next() (*backend.Info, error) {
	m.src.left = maxRecord // what csv has read ahead counts as well, and does not matter
	record, err := m.csv.Read()
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	row := row{info: new(backend.Info), latest: true}
	for i, name := range m.columns {
		if err := m.column(&row, name, strings.Clone(record[i])); err != nil {
			line, _ := m.csv.FieldPos(i)
			return nil, fmt.Errorf("%w: line %d: column %s: %w", ErrManifest, line, name, err)
		}
	}
	row.info.Noncurrent = !row.latest
	if row.marker || row.info.Noncurrent && !m.opts.Versions || !strings.HasPrefix(row.info.Key, m.opts.Prefix) {
		return nil, nil
	}
	return row.info, nil
}

// A row is what a line says.
type row struct {
	info           *backend.Info
	latest, marker bool
}

// column takes one field. All but bucket, key and size may be empty, as they are
// where they have no meaning.
func (m *manifest) column(r *row, name, field string) (err error) {
	switch name {
	case "bucket":
		return m.checkBucket(field)
	case "key":
		r.info.Key, err = decodeKey(field)
	case "versionid":
		r.info.VersionID = field
	case "islatest":
		r.latest, err = parseBool(field, true)
	case "isdeletemarker":
		r.marker, err = parseBool(field, false)
	case "size":
		r.info.Size, err = parseSize(field)
	case "lastmodifieddate":
		r.info.ModTime, err = parseTime(field)
	case "etag":
		r.info.ETag = strings.Trim(field, `"`)
	case "storageclass":
		r.info.StorageClass = field
	case "objectlockretainuntildate":
		var until time.Time
		until, err = parseTime(field)
		r.info.Locked = r.info.Locked || until.After(m.now)
	case "objectlocklegalholdstatus":
		r.info.Locked = r.info.Locked || strings.EqualFold(field, "on")
	}
	return err
}

func (m *manifest) checkBucket(name string) error {
	if m.opts.Bucket != "" && name != m.opts.Bucket {
		return fmt.Errorf("want %q, got %q", m.opts.Bucket, name)
	}
	return nil
}

// decodeKey undoes the URL-encoding, in which a space may be a plus sign.
func decodeKey(field string) (string, error) {
	key, err := url.QueryUnescape(field)
	if err != nil {
		return "", err
	}
	if key == "" || !utf8.ValidString(key) {
		return "", fmt.Errorf("want UTF-8 and not nothing, got %q", key)
	}
	return key, nil
}

func parseBool(field string, empty bool) (bool, error) {
	switch strings.ToLower(field) {
	case "":
		return empty, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("want true or false, got %q", field)
}

// parseSize reads a size in bytes; delete markers have none.
func parseSize(field string) (int64, error) {
	if field == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(field, 10, 63)
	return int64(n), err
}

func parseTime(field string) (time.Time, error) {
	if field == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, field)
}

// A limitedReader fails where a line is too long, which csv would read into
// memory however long it is.
type limitedReader struct {
	src  io.Reader
	left int
}

func (r *limitedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, fmt.Errorf("a line is longer than %d bytes", maxRecord)
	}
	n, err := r.src.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
