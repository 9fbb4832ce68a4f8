// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

var (
	errNoETag   = errors.New("s3: answer without an ETag")
	errNoLength = errors.New("s3: answer without a length")
	errClosed   = errors.New("s3: body is closed")
)

// Get opens an object with a single request, as [backend.Driver] says. An
// answer that is not the range that was asked for, an answer without a length
// and an object other than opts.IfMatch are errors, whatever status they come
// with.
//
// The body is as the storage sent it. Only its length is checked. It is not
// safe for concurrent use; what ends a read that blocks is the end of ctx.
func (d *Driver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	body, info, err := d.get(ctx, key, opts)
	if err != nil {
		return nil, nil, fault(ctx, "get", key, err)
	}
	return body, info, nil
}

func (d *Driver) get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if err := checkKey(key); err != nil {
		return nil, nil, err
	}
	request, err := getOptions(opts)
	if err != nil {
		return nil, nil, err
	}
	body, stat, header, err := d.core.GetObject(ctx, d.bucket, key, request)
	if err != nil {
		return nil, nil, err
	}
	info, n, err := readAnswer(key, opts, stat, header)
	if err != nil {
		_ = body.Close()
		return nil, nil, err
	}
	return &objectBody{ctx: ctx, src: body, key: key, left: n}, info, nil
}

// getOptions writes the headers of the request.
func getOptions(opts *backend.GetOptions) (minio.GetObjectOptions, error) {
	var request minio.GetObjectOptions
	if r := opts.Range; r != nil {
		if _, _, err := r.Resolve(math.MaxInt64); err != nil {
			return request, err
		}
		request.Set("Range", rangeHeader(r))
	}
	if opts.IfMatch != "" {
		if err := request.SetMatchETag(opts.IfMatch); err != nil {
			return request, err
		}
	}
	return request, nil
}

// rangeHeader is ours because SetRange of the client means only the first byte
// where it says (0, 0).
func rangeHeader(r *backend.Range) string {
	if r.Length < 0 || r.Length > math.MaxInt64-r.Offset {
		return fmt.Sprintf("bytes=%d-", r.Offset)
	}
	return fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Length-1)
}

// readAnswer checks the answer to a GET against the question, which the client
// does not do, and returns the number of bytes that its body must have.
func readAnswer(key string, opts *backend.GetOptions, stat minio.ObjectInfo, header http.Header) (*backend.Info, int64, error) {
	info, err := newInfo(key, stat, header)
	if err != nil {
		return nil, 0, err
	}
	if opts.IfMatch != "" && info.ETag != opts.IfMatch {
		return nil, 0, fmt.Errorf("%w: want ETag %q, got %q", backend.ErrChanged, opts.IfMatch, info.ETag)
	}
	n := info.Size // of the body, which may be a part of the object
	if err := checkRange(opts.Range, info, header.Values("Content-Range")); err != nil {
		return nil, 0, err
	}
	return info, n, nil
}

// checkRange verifies that a body of info.Size bytes is what r asks for, and
// sets info.Size to the size of the object.
func checkRange(r *backend.Range, info *backend.Info, contentRange []string) error {
	if r == nil && len(contentRange) == 0 {
		return nil
	}
	if r == nil || len(contentRange) != 1 {
		return fmt.Errorf("%w: asked for %s, got %q", backend.ErrRange, describe(r), contentRange)
	}
	var first, last, total int64
	got := contentRange[0]
	_, err := fmt.Sscanf(got, "bytes %d-%d/%d", &first, &last, &total)
	if err != nil || got != fmt.Sprintf("bytes %d-%d/%d", first, last, total) {
		return fmt.Errorf("%w: asked for %s, got %q", backend.ErrRange, describe(r), got)
	}
	off, n, err := r.Resolve(total)
	if err != nil {
		return err
	}
	if first != off || last != off+n-1 || info.Size != n {
		return fmt.Errorf("%w: asked for %s, got %q in %d bytes", backend.ErrRange, describe(r), got, info.Size)
	}
	info.Size = total
	return nil
}

func describe(r *backend.Range) string {
	if r == nil {
		return "no range"
	}
	return rangeHeader(r)
}

// An objectBody is the body of an answer. It ends after the announced number
// of bytes or with an error.
type objectBody struct {
	ctx  context.Context // of the Get that it belongs to
	src  io.ReadCloser
	key  string
	left int64
	err  error // first error; repeated by every later call
}

func (b *objectBody) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	n, err := 0, b.ctx.Err()
	if err == nil {
		n, err = b.src.Read(p)
	}
	if n < 0 || int64(n) > min(b.left, int64(len(p))) {
		n, err = 0, errors.New("more bytes than announced")
	}
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = fmt.Errorf("%d bytes are missing: %w", b.left, io.ErrUnexpectedEOF)
	}
	if err != nil && err != io.EOF {
		err = fault(b.ctx, "read", b.key, err)
	}
	b.err = err
	return n, err
}

// Close frees the connection.
func (b *objectBody) Close() error {
	b.err = errClosed
	return b.src.Close()
}
