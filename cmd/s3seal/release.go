// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"os"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// Values of --release. The default is the last case of release.
const (
	releaseBuffered   = "buffered"
	releaseTwoPass    = "twopass"
	releaseUnverified = "unverified"
)

// releaseFlags say when plaintext may leave on its way to a pipe or a connection.
type releaseFlags struct {
	Release string `enum:"buffered,spool,twopass,unverified" default:"spool" placeholder:"WHEN" help:"Of a v2 or v3 object (AES-GCM), before all of it was verified, to stdout or to who asks serve: spool (default), buffered and twopass release nothing; unverified streams, and fails at the end (exit code 3; serve breaks the connection) if it was altered."`
}

// releaseHelp is for the help of all commands that write to stdout.
const releaseHelp = `To stdout nothing is written before all of the object was verified (--release):

    spool       its ciphertext waits in a temporary file without a name, in $TMPDIR or else the
                system's folder for such files; that takes as much room as the object has bytes, if
                those are more than 1 MiB. If the disk is full, nothing is written, and the exit
                code is 1.
    buffered    in memory, up to 64 MiB; larger objects are refused.
    twopass     neither: the object is read twice, and compared. What changes in between is not
                written.
    unverified  not at all: what is written counts only if the exit code is 0.

Objects in chunked and dare2 stream: each byte is verified before it is written, but that none is missing is
known at the end only, by exit code 0. Objects in CBC and CTR cannot be verified, and stream.`

// spoolHint is for errors of the temporary file.
const spoolHint = ": TMPDIR says where the temporary file goes, and --release twopass needs none"

// release translates the flag. For twopass it is the rule of a bucket.
func (f releaseFlags) release() envelope.Release {
	switch f.Release {
	case releaseBuffered:
		return nil // 64 MiB
	case releaseTwoPass:
		return envelope.TwoPass(nil)
	case releaseUnverified:
		return envelope.UnverifiedUntilEOF()
	}
	return envelope.Spool("", stream.GCMMaxSize+stream.GCMTagSize)
}

// releaseOf is release for an object that comes from stdin.
func (f releaseFlags) releaseOf(ctx context.Context, stdin io.Reader) (envelope.Release, error) {
	if f.Release != releaseTwoPass {
		return f.release(), nil
	}
	file, ok := stdin.(*os.File)
	if ok {
		info, err := file.Stat()
		ok = err == nil && info.Mode().IsRegular()
	}
	if !ok {
		return nil, usagef("--release twopass: stdin can be read only once: want a file (<FILE), or --release spool")
	}
	start, err := file.Seek(0, io.SeekCurrent) // it may have been read before it was handed to us
	if err != nil {
		return nil, err
	}
	return envelope.TwoPass(func() (io.ReadCloser, error) {
		if _, err := file.Seek(start, io.SeekStart); err != nil {
			return nil, err
		}
		return io.NopCloser(interruptible(ctx, file)), nil
	}), nil
}
