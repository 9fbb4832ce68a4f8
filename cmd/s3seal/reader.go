// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/s3seal/s3seal/backend"
)

// readFlags are what get, cat and serve have in common.
type readFlags struct {
	Key          []text `group:"Key:" short:"k" required:"" sep:"none" placeholder:"KEY" help:"Key to decrypt with: aes:FILE, rsa:FILE, kms:KEYID or kms-sidecar:KEYID (see s3seal --help); may be repeated."`
	contextFlags `group:"Key:"`
	acceptFlags  `group:"Reading:"`
	releaseFlags `group:"Reading:"`
	suffixFlags  `group:"Storage:"`
	storageFlags
}

// A reading is an object that is about to be read.
type reading struct {
	address address
	bucket  *backend.Bucket
	close   func()
}

// open finds the object's storage and loads the keys.
func (f readFlags) open(a *app, src string, ranges bool) (*reading, error) {
	at, err := parseAddress(src)
	if err != nil {
		return nil, err
	}
	return f.openAt(a, at, ranges)
}

// openAt is open for an address, of which it uses nothing but the storage.
func (f readFlags) openAt(a *app, at address, ranges bool) (*reading, error) {
	keys, err := a.loadKeyring(f.Key, f.contextFlags, f.Region)
	if err != nil {
		return nil, err
	}
	st, err := f.openStorage(a, at, false)
	if err != nil {
		return nil, err
	}
	driver, unwatch := a.watched(st.driver, at.text)
	opts := f.options()
	opts.AllowUnauthenticatedRanges = ranges
	opts.Release = f.release()
	return &reading{
		address: at,
		bucket:  backend.NewBucket(driver, nil, keys, &backend.Options{Open: opts, Name: at.bucket, InstructionSuffix: f.suffix()}),
		close: func() {
			unwatch()
			st.Close()
		},
	}, nil
}
