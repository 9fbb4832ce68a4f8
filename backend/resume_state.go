// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/s3seal/s3seal/stream"
)

// A state file is
//
//	magic || SHA-256(rest of head) || length || JSON || zeros    stateHead bytes
//	(sealed state || zeros || ETag record || zeros) ...          a slot each
//
// with one slot for each part in the storage and one for the end. A slot without
// a part is zeros. It has its full size from the start, so that one which was cut
// short can be told from one in which parts are still to come: to go on without
// a state is to risk two plaintexts under one key and counter. Slots are written
// in any order and never moved, so several parts can be on their way.
//
// The head is in the clear, and the hash finds damage, not intent. The states fit
// no other envelope than that of the head; but whoever can wrap keys for this
// bucket, as everybody can by a public key, could write both anew. That is why
// the file must be the user's alone.
const (
	stateMagic = "s3seal-resume-1\n"
	stateHead  = 16 << 10
	headJSON   = len(stateMagic) + sha256.Size + 4

	slotSize = 512
	slotETag = 128 // where the ETag record begins: length || ETag || CRC-32C
	maxETag  = 255
)

// errDamaged says that a state file is not whole, and that its upload has to
// begin again.
var errDamaged = errors.New("backend: state file is damaged")

// A stateHeader says which upload a state file is about.
type stateHeader struct {
	Bucket   string            // Options.Name
	Key      string            // of the object
	Size     int64             // of the plaintext
	PartSize int64             // of all parts but the last
	Options  string            // digest of all other options
	Envelope map[string]string // the Header of the object, as metadata
	UploadID string            // empty until the storage has given one
}

// parts returns how many parts the storage gets. The last one holds what is left
// of the plaintext, which may be nothing, and the trailer: so all others have
// the same size, and none is too small.
func (h *stateHeader) parts() int64 { return h.Size/h.PartSize + 1 }

// fileSize is the size of the state file in bytes.
func (h *stateHeader) fileSize() int64 { return stateHead + (h.parts()+1)*slotSize }

// encode returns the head of the file.
func (h *stateHeader) encode() ([]byte, error) {
	data, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("backend: state file: %w", err)
	}
	if len(data) > stateHead-headJSON {
		return nil, fmt.Errorf("backend: state file: want at most %d bytes of key, envelope and upload ID, got %d", stateHead-headJSON, len(data))
	}
	head := make([]byte, stateHead)
	copy(head, stateMagic)
	binary.BigEndian.PutUint32(head[headJSON-4:], uint32(len(data)))
	copy(head[headJSON:], data)
	sum := sha256.Sum256(head[len(stateMagic)+sha256.Size:])
	copy(head[len(stateMagic):], sum[:])
	return head, nil
}

// decodeHead is the inverse of encode.
func decodeHead(head []byte) (*stateHeader, error) {
	sum := sha256.Sum256(head[len(stateMagic)+sha256.Size:])
	if string(head[:len(stateMagic)]) != stateMagic || !bytes.Equal(sum[:], head[len(stateMagic):][:sha256.Size]) {
		return nil, errDamaged
	}
	n := binary.BigEndian.Uint32(head[headJSON-4:])
	if n > uint32(stateHead-headJSON) {
		return nil, errDamaged
	}
	h := new(stateHeader)
	if err := json.Unmarshal(head[headJSON:][:n], h); err != nil || h.Size < 0 || h.PartSize <= 0 {
		return nil, errDamaged
	}
	return h, nil
}

// readHead reads the head of a file. The error is errDamaged if there is none.
func readHead(f io.ReaderAt) (*stateHeader, error) {
	head := make([]byte, stateHead)
	if n, err := f.ReadAt(head, 0); n < len(head) {
		if err == io.EOF {
			err = errDamaged
		}
		return nil, err
	}
	return decodeHead(head)
}

// A slot is what the file knows of a part.
type slot struct {
	state []byte // nil if nothing was sealed
	etag  string // empty if it may not have arrived
}

// decodeSlot reads a slot. Damage to the ETag is harmless, as the part is sent
// again; anything else that is not as it was written is errDamaged.
func decodeSlot(b []byte) (s slot, err error) {
	if isZero(b) {
		return s, nil
	}
	if isZero(b[:stream.PartStateSize]) || !isZero(b[stream.PartStateSize:slotETag]) {
		return s, errDamaged
	}
	s.state = b[:stream.PartStateSize]
	s.etag = decodeETag(b[slotETag:])
	return s, nil
}

func isZero(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeETag(etag string) []byte {
	b := append([]byte{byte(len(etag))}, etag...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeETag(b []byte) string {
	n := 1 + int(b[0])
	if crc32.Checksum(b[:n], castagnoli) != binary.BigEndian.Uint32(b[n:]) {
		return ""
	}
	return string(b[1:n])
}

// readSlots reads all slots of the file whose head is h; the last is that of
// the end.
func readSlots(f stateFile, h *stateHeader) ([]slot, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size != h.fileSize() {
		return nil, errDamaged
	}
	body := make([]byte, size-stateHead)
	if n, err := f.ReadAt(body, stateHead); n < len(body) {
		return nil, fmt.Errorf("backend: state file: %w", err)
	}
	var slots []slot
	for b := range slices.Chunk(body, slotSize) {
		s, err := decodeSlot(b)
		if err != nil {
			return nil, err
		}
		slots = append(slots, s)
	}
	return slots, nil
}

// writeHead stores the head for good.
func writeHead(f stateFile, h *stateHeader) error {
	head, err := h.encode()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		return err
	}
	return f.Sync()
}

// resetState makes f the state file of a new upload.
func resetState(f stateFile, h *stateHeader) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	if err := f.Truncate(h.fileSize()); err != nil {
		return err
	}
	return writeHead(f, h)
}

// writeState stores the state of part i for good.
func writeState(f stateFile, i int64, state []byte) error {
	if _, err := f.WriteAt(state, stateHead+i*slotSize); err != nil {
		return err
	}
	return f.Sync()
}

// writeETag stores the ETag of part i. It need not be there after a crash.
func writeETag(f stateFile, i int64, etag string) error {
	if len(etag) > maxETag {
		return nil
	}
	_, err := f.WriteAt(encodeETag(etag), stateHead+i*slotSize+slotETag)
	return err
}
