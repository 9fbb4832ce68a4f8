// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
)

// messages are the ciphertexts that have left, whole or not. All attempts to
// send one must be starts of the same bytes: others, under the same key and
// nonce, would give the plaintext of both away.
type messages struct {
	mu     sync.Mutex
	parts  map[messagePart][]byte // the longest start of it
	wrong  []string
	count  int               // of attempts that there was something to compare with
	upload map[string]string // the message that an upload is of
}

type messagePart struct {
	message string
	number  int
}

// messageNames are the metadata that names a content key: as it is wrapped, which
// is never twice the same.
var messageNames = []string{"x-amz-3", "x-amz-key-v2", "x-amz-key", "s3seal-key"}

// messageOf returns what tells a message from all others, or "" if it is none.
func messageOf(metadata map[string]string) string {
	for _, name := range messageNames {
		if v := metadata[name]; v != "" {
			return v
		}
	}
	return ""
}

// start notes which message an upload is of.
func (m *messages) start(id, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.upload == nil {
		m.upload = make(map[string]string)
	}
	m.upload[id] = message
}

// sentPart is sent for a part of an upload.
func (m *messages) sentPart(id string, number int, b []byte) {
	m.mu.Lock()
	message := m.upload[id]
	m.mu.Unlock()
	m.sent(message, number, b)
}

// sent compares an attempt with those before, of which it keeps the longest.
func (m *messages) sent(message string, number int, b []byte) {
	if message == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.parts == nil {
		m.parts = make(map[messagePart][]byte)
	}
	at := messagePart{message, number}
	old, again := m.parts[at]
	n := min(len(old), len(b))
	if again {
		m.count++
	}
	if !bytes.Equal(old[:n], b[:n]) {
		m.wrong = append(m.wrong, fmt.Sprintf("part %d of %.12s was sent with other bytes than before", number, message))
	}
	if len(b) > len(old) {
		m.parts[at] = bytes.Clone(b)
	}
}

// violations returns what was wrong, once.
func (m *messages) violations() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	wrong := m.wrong
	m.wrong = nil
	return wrong
}

// lowerNames returns metadata with names in small letters.
func lowerNames(metadata map[string]string) map[string]string {
	l := make(map[string]string, len(metadata))
	for name, value := range metadata {
		l[strings.ToLower(name)] = value
	}
	return l
}
