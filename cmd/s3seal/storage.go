// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
	"github.com/s3seal/s3seal/backend/s3"
)

// A storage is the driver that an address leads to. It is no driver itself:
// around another one it would hide what that can do beyond the contract, such
// as to list.
type storage struct {
	driver backend.Driver
	close  func() error
}

// Close lets go of what the driver holds.
func (s *storage) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// openStorage finds the driver for an address. Only to write is a folder made
// if it is missing; to read from it is to find nothing. No file is replaced in it
// that is no object.
func (f storageFlags) openStorage(a *app, at address, write bool) (*storage, error) {
	if at.isS3() {
		return f.openS3(a, at)
	}
	if err := at.checkNested(); err != nil {
		return nil, err
	}
	return openFolder(at, &dir.Options{MustExist: !write, SparePlainFiles: true})
}

// openFolder opens a folder. Whatever the command is about, it leaves alone what
// others have begun there, were it long ago: abort-stale is for that.
func openFolder(at address, opts *dir.Options) (*storage, error) {
	opts.SweepAge = -1
	d, err := dir.New(at.root, opts)
	if errors.Is(err, fs.ErrNotExist) {
		err = backend.ErrNotExist
	}
	if info, serr := os.Stat(at.root); err != nil && serr == nil && !info.IsDir() {
		err = &refusal{at.root + " is a file: want a folder", err}
	}
	if err != nil {
		return nil, at.about(err)
	}
	return &storage{driver: d, close: d.Close}, nil
}

// openS3 makes a driver for the bucket. It does not connect yet.
func (f storageFlags) openS3(a *app, at address) (*storage, error) {
	client, err := f.client(a, at)
	if err != nil {
		return nil, err
	}
	d, err := s3.New(client, at.bucket, nil)
	if err != nil {
		return nil, usagef("%w", err) // of its arguments, no server was asked
	}
	return &storage{driver: d}, nil
}

// client makes a client of the server of an address.
func (f storageFlags) client(a *app, at address) (*minio.Client, error) {
	server, creds, err := f.server(a.env, at)
	if err != nil {
		return nil, err
	}
	if v, err := creds.GetWithContext(nil); err == nil && v.SignerType.IsAnonymous() {
		a.warn("warning: no credentials found in %s; requests are anonymous%s", credentialPlaces(at), creds.problem(a.env))
		creds.Credentials = anonymous() // or they would be looked for with each request
	}
	transport, err := newTransport(server.secure, a.env, at)
	if err != nil {
		return nil, err
	}
	client, err := minio.New(server.host, &minio.Options{
		Creds:     creds.Credentials,
		Secure:    server.secure,
		Region:    f.region(a.env),
		Transport: s3.LimitAnswers(transport),
	})
	if err != nil {
		return nil, fmt.Errorf("s3 client: %w", err)
	}
	client.SetAppInfo("s3seal", "cli")
	return client, nil
}
