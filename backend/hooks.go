// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"errors"
	"io"
	"time"

	"github.com/s3seal/s3seal/envelope"
)

// Hooks are functions that a [Bucket] calls when something has happened, for
// logs, metrics and progress. Those that are nil are not called. None of them can
// change what happens, and none is told plaintext or keys.
//
// They are called in the goroutine that does the work, which waits for them; they
// may be called concurrently. For calls of a KMS there is wrap.ObserveKMS.
type Hooks struct {
	// PartSent is called when the storage has taken a part of a multipart upload.
	// Drivers that send none, and objects that are sent whole, do not call it.
	PartSent func(PartSent)

	// ReadEnded is called once for each object or range that was opened: when its
	// end was reached, at its first error, or when it was closed before that.
	// GetFile and GetToUnverified call it too; ReaderAt does not.
	ReadEnded func(ReadEnded)
}

// PartSent describes a part that the storage has taken.
type PartSent struct {
	Key    string // of the object
	Number int    // from 1 on; parts arrive in any order
	Size   int64  // in bytes of ciphertext
}

// ReadEnded describes how reading an object, or a range of it, has ended.
type ReadEnded struct {
	Key           string        // of the object
	Bytes         int64         // of plaintext that was released; 0 if GetFile or GetToUnverified has failed
	Authenticated bool          // all of them were verified
	Took          time.Duration // from the call that opened it

	// Err is nil if the end was reached, and else what reading failed with, or
	// [ErrNotRead]. It matches envelope.ErrDecrypt if verification failed.
	Err error
}

// ErrNotRead is told to [Hooks].ReadEnded of an object that was closed before its
// end. It is not the error of any call.
var ErrNotRead = errors.New("backend: closed before the end")

// watch makes o report how reading it ends. It returns o.
func (b *Bucket) watch(o *Object) *Object {
	if b.hooks.ReadEnded != nil {
		o.hook, o.opened = b.hooks.ReadEnded, time.Now()
	}
	return o
}

// note counts n bytes that o has released, and reports err if it is the end.
func (o *Object) note(n int64, err error) {
	o.released += n
	switch {
	case err == nil || o.hook == nil:
		return
	case err == io.EOF:
		err = nil
	}
	hook := o.hook
	o.hook = nil
	hook(ReadEnded{o.info.Key, o.released, o.Authenticated(), time.Since(o.opened), err})
}

// fetched reports how a download to a writer or a file has ended, that was opened
// at start, if it was.
func (b *Bucket) fetched(key string, start time.Time, info *ObjectInfo, err error) {
	if b.hooks.ReadEnded == nil || start.IsZero() {
		return
	}
	ended := ReadEnded{Key: key, Took: time.Since(start), Err: err}
	if errors.Is(err, envelope.ErrDecrypt) {
		ended.Err = envelope.ErrDecrypt
	}
	if err == nil {
		ended.Bytes, ended.Authenticated = info.PlaintextSizeMax, info.Authenticated
	}
	b.hooks.ReadEnded(ended)
}

// partSent returns what a driver calls for each part of an upload to key.
func (b *Bucket) partSent(key string) func(Part) {
	hook := b.hooks.PartSent
	if hook == nil {
		return nil
	}
	return func(p Part) { hook(PartSent{key, p.Number, p.Size}) }
}
