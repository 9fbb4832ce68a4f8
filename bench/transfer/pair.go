// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/wrap"
)

const (
	partSize    = 8 << 20
	concurrency = 3
)

// A pair is the two clients of one server, each with its connections.
type pair struct {
	ctx    context.Context
	secure bool
	stop   func() // ends the server
	theirs *minio.Client
	ours   *backend.Bucket
	fast   *backend.Bucket // the same, which does not wait for the disk
	name   string          // of the bucket
	dir    string
	data   []byte

	transports []*http.Transport
}

func newPair(ctx context.Context, secure bool, size int, dir string) (*pair, error) {
	srv, stop, err := s3test.StartMinIO(secure)
	if err != nil {
		return nil, err
	}
	p := &pair{
		ctx: ctx, secure: secure, stop: stop, dir: dir,
		name: fmt.Sprintf("s3seal-transfer-%x", rand.Uint64()), data: make([]byte, size),
	}
	rand.NewChaCha8([32]byte{}).Read(p.data)
	if err := p.connect(srv); err != nil {
		stop()
		return nil, err
	}
	return p, nil
}

func (p *pair) connect(srv *s3test.Server) error {
	var clients [2]*minio.Client
	for i := range clients {
		transport, err := srv.Transport()
		if err != nil {
			return err
		}
		p.transports = append(p.transports, transport)
		opts := srv.Options()
		opts.Transport = transport
		if clients[i], err = minio.New(srv.Endpoint, opts); err != nil {
			return err
		}
	}
	p.theirs = clients[0]
	driver, err := s3.New(clients[1], p.name, &s3.Options{PartSize: partSize, Concurrency: concurrency, UnsignedPayload: p.secure})
	if err != nil {
		return err
	}
	key, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		return err
	}
	opts := backend.Options{Download: backend.DownloadOptions{PartSize: partSize, Concurrency: concurrency}}
	p.ours = backend.NewBucket(driver, key, key, &opts)
	opts.Download.NoSync = true
	p.fast = backend.NewBucket(driver, key, key, &opts)
	return p.theirs.MakeBucket(p.ctx, p.name, minio.MakeBucketOptions{Region: srv.Region})
}

// close removes the bucket and ends the server.
func (p *pair) close() error {
	defer p.stop()
	var errs []error
	for _, key := range []string{"theirs", "ours"} {
		errs = append(errs, p.theirs.RemoveObject(p.ctx, p.name, key, minio.RemoveObjectOptions{}))
	}
	errs = append(errs, p.theirs.RemoveBucket(p.ctx, p.name))
	for _, t := range p.transports {
		t.CloseIdleConnections()
	}
	return errors.Join(errs...)
}

// A source opens the plaintext; a size of -1 is unknown.
type source func() (r io.Reader, size int64, err error)

// memory is as good as a file: both clients may read where they like.
func (p *pair) memory() (io.Reader, int64, error) {
	return bytes.NewReader(p.data), int64(len(p.data)), nil
}

// pipe is one of the system, in which somebody writes.
func (p *pair) pipe() (io.Reader, int64, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	go func() {
		defer w.Close()
		w.Write(p.data) // one that fails is a body that is too short
	}()
	return struct{ io.Reader }{r}, -1, nil // closed by the garbage collector, as late as it likes
}

// putTheirs stores the plaintext by the other client.
func (p *pair) putTheirs(src source, unsigned bool) error {
	r, size, err := src()
	if err != nil {
		return err
	}
	_, err = p.theirs.PutObject(p.ctx, p.name, "theirs", r, size, minio.PutObjectOptions{
		PartSize: partSize, NumThreads: concurrency, ConcurrentStreamParts: true,
		DisableContentSha256: unsigned,
	})
	return err
}

// putOurs seals and stores it.
func (p *pair) putOurs(src source) error {
	r, size, err := src()
	if err != nil {
		return err
	}
	info, err := p.ours.Put(p.ctx, "ours", r, size, nil)
	if err == nil && info.PlaintextSizeMax != int64(len(p.data)) {
		err = fmt.Errorf("%d bytes stored, want %d", info.PlaintextSizeMax, len(p.data))
	}
	return err
}

func (p *pair) getTheirs() error {
	return p.theirs.FGetObject(p.ctx, p.name, "theirs", p.path("theirs"), minio.GetObjectOptions{})
}

// getTheirsSynced waits for the disk, too.
func (p *pair) getTheirsSynced() error {
	if err := p.getTheirs(); err != nil {
		return err
	}
	f, err := os.Open(p.path("theirs"))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (p *pair) getOurs(b *backend.Bucket) error {
	_, err := b.GetFile(p.ctx, "ours", p.path("ours"))
	return err
}

func (p *pair) path(name string) string { return filepath.Join(p.dir, name) }
