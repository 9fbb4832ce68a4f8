// SPDX-License-Identifier: Apache-2.0

package engine

// A Piece is a chunk on its way through a stream. Whoever makes it sets In; a
// mode sets Out, and keeps in the other fields what it needs from one step to
// the next. What is in them is as secret as the key.
type Piece struct {
	In  []byte // lies in Buf, or is memory of the caller, which is only read
	Out []byte // lies in Buf
	Buf *Chunk

	// Public says that nothing in Buf is secret any more, so that it need not
	// be cleared. Work may set it.
	Public bool

	Off   int64    // of the piece in its stream
	Block [16]byte // a nonce, IV or counter block
	Sum   [16]byte // a tag

	done   chan struct{} // has room for the one message that Work is over
	isDone bool          // the message was received
}

// wipe clears the piece and gives its buffer back.
func (p *Piece) wipe() {
	switch {
	case p.Buf == nil:
	case p.Public:
		chunks.Put(p.Buf)
	default:
		p.Buf.Free()
	}
	*p = Piece{done: p.done}
}
