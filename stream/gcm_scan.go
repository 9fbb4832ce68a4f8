// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"io"
	"sync"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// This file reads a GCM stream twice: once to verify it, and once more, from
// wherever it lies by then, to decrypt it. Neither the stream nor its plaintext
// is kept in between, so the second pass has to find out for itself whether it
// reads what the first has read, and before it releases anything.
//
// The first pass notes, at the end of every run of 1 MiB, the hash of all that
// came before it: acc of ghash.go. The second pass hashes again, and decrypts a
// run only if it arrives at the same value.
//
// # Why that suffices
//
// Let the second pass be given a run that differs from the first one's, all
// before it being equal. The two values then differ by the difference of the
// runs, as a polynomial without a constant term, at the point H. It has a
// degree of at most 2^16, the blocks of a run, so it is zero for no more than
// 2^16 of all 2^128 values of H, which only those know who hold the key: the
// altered run passes with a probability of 2^-112. Runs that are exchanged are
// altered runs, each is compared with the value of its own place. A run of
// another length could be hidden in the padding of its last block, which is why
// the number of bytes is compared, too.
//
// Whoever alters a run learns that it was rejected, and which one it was; that
// rules out its 2^16 values of H and no others. A second pass ends with its
// first rejection, so n passes are n attempts, and one of them passes with a
// probability of n·2^-112. That is no better than to forge the tag, where a
// stream of 64 GiB gives n·2^-96. The values themselves are not masked as a tag
// is, since nobody sees them: they are as secret as the key, and compared in
// constant time.
//
// Against those who hold the key, nothing of this holds, as nothing does in
// GCM. They can have two readers of one scan yield two plaintexts, both made by
// themselves.

// runChunks is how many chunks make up a run. It sets what a second pass holds
// in memory, 1 MiB, against what a scan does, 16 bytes for each run: 1 MiB for
// the longest stream.
const runChunks = 8

// A GCMScan is what remains of a GCM stream that was read to its end and
// verified: enough to decrypt the same stream when it is read again, and to
// reject any other. It holds 16 bytes for each MiB of the stream, and the
// expanded key.
//
// It may be used concurrently, and for any number of readers.
type GCMScan struct {
	size  int64
	chunk int
	run   int64 // bytes in a run

	mu  sync.Mutex
	gcm gcm // with nothing hashed yet
	end scanEnd
	acc []element // at the end of each run
}

// A scanEnd is how a stream ends.
type scanEnd struct {
	oneShot bool // the stream fits in a chunk, which has no runs
	tag     [GCMTagSize]byte
}

// ScanGCM reads a GCM stream, ciphertext || tag, to its end and verifies it, in
// constant memory, as [VerifyGCM] does. It releases no plaintext; that is for
// [GCMScan.Reader], which reads the stream again. If the stream is not what was
// encrypted under this key, IV and aad, the error is [ErrDecrypt].
//
// The key has 16, 24 or 32 bytes, the IV 12. None of the arguments is retained.
// Other errors are [ErrFIPS], [ErrTooLarge], the error of the source, wrapped,
// or one that names the argument with the wrong length. It may be called
// concurrently.
func ScanGCM(src io.Reader, key, iv, aad []byte) (*GCMScan, error) {
	o, err := newGCMOpener(src, key, iv, aad)
	if err != nil {
		return nil, err
	}
	return o.scan(runChunks)
}

// scan reads and verifies the whole stream, in runs of the given number of
// chunks.
func (o *gcmOpener) scan(chunks int) (*GCMScan, error) {
	defer o.Wipe()
	buf := engine.NewChunk()
	defer buf.Free()
	s := &GCMScan{chunk: o.chunk, run: int64(chunks) * int64(o.chunk), gcm: o.gcm}
	j := &scanning{o: o, s: s}
	for !o.end {
		if err := j.step(buf); err != nil {
			s.Wipe()
			return nil, err
		}
	}
	s.size = o.size
	if !s.end.oneShot {
		s.end.tag = o.tag() // the one that was verified
	}
	return s, nil
}

// scanning is the run that reads and hashes what follows the first piece.
type scanning struct {
	o      *gcmOpener
	s      *GCMScan
	hashed int64
}

// step reads as many pieces as all cores can work on, and then one.
func (j *scanning) step(buf *engine.Chunk) error {
	if j.o.many() > 0 {
		if err := engine.Run(j); err != nil {
			return err
		}
	}
	n, plain, err := j.o.next(buf[:])
	if err != nil {
		return err
	}
	j.s.end.oneShot = plain
	if !plain {
		j.add(n)
	}
	return nil
}

// add accounts for a piece of n bytes that was added to the hash.
func (j *scanning) add(n int) {
	j.hashed += int64(n)
	rest := j.hashed % j.s.run
	if rest == 0 && n > 0 || rest > 0 && j.o.end {
		j.s.note(j.o.hash.acc)
	}
}

// Produce implements engine.Job.
func (j *scanning) Produce(p *engine.Piece) error { return j.o.produce(p) }

// Work implements engine.Job.
func (j *scanning) Work(p *engine.Piece) { j.o.hashPiece(p) }

// Consume implements engine.Job.
func (j *scanning) Consume(p *engine.Piece) error {
	j.o.joinPiece(p)
	j.add(len(p.In))
	return nil
}

// note appends to s.acc, and clears what it outgrows.
func (s *GCMScan) note(acc element) {
	if len(s.acc) == cap(s.acc) {
		grown := append(make([]element, 0, 2*cap(s.acc)+8), s.acc...)
		clear(s.acc)
		s.acc = grown
	}
	s.acc = append(s.acc, acc)
}

// Size returns the size of the plaintext in bytes. It may be called concurrently.
func (s *GCMScan) Size() int64 { return s.size }

// Wipe clears what is secret and lets go of the expanded key. Every later reader
// fails with [ErrClosed]; so does one that is in use, when it needs another run.
// It may be called again, and concurrently.
func (s *GCMScan) Wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gcm.Wipe()
	clear(s.acc)
	s.acc = nil
}

// Reader returns a reader of the plaintext of src, which must be the stream
// that was scanned, from its start.
//
// It may be called concurrently, and as often as the stream can be read.
func (s *GCMScan) Reader(src io.Reader) *GCMVerifiedReader {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gcm.block == nil {
		return &GCMVerifiedReader{engine.Puller{Err: ErrClosed}}
	}
	o := &gcmOpener{gcm: s.gcm, src: engine.Source{R: src}, chunk: s.chunk}
	return &GCMVerifiedReader{engine.Puller{F: &verifiedFeed{scan: s, o: o}}}
}

// check returns nil if acc is what the scan had at the end of a run, or for a
// run of -1 if the scan is not wiped.
func (s *GCMScan) check(run int, acc element) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gcm.block == nil {
		return ErrClosed
	}
	if run < 0 {
		return nil
	}
	// The difference is taken as a whole: where it lies must not show.
	if d := s.acc[run].xor(acc); d.hi|d.lo != 0 {
		return ErrDecrypt
	}
	return nil
}
