// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// ownRows are s3seal's own formats with every kind of key, for every client.
func ownRows() []peerRow {
	var rows []peerRow
	for _, suite := range []envelope.Suite{envelope.Chunked, dare.DARE2} {
		for _, client := range []string{"v1", "v2", "v2_and_legacy"} {
			rows = append(rows,
				peerRow{key: "AES", client: client, suite: suite, alg: wrap.AESGCM},
				peerRow{key: "RSA", client: client, suite: suite, alg: wrap.RSAOAEPSHA1},
				peerRow{key: "KMS", client: client, suite: suite, alg: wrap.KMSContext},
				peerRow{key: "KMS", client: client, suite: suite, alg: wrap.KMSContext, context: alice})
		}
	}
	return rows
}

// TestRubyRefusesOwn and TestS3cryptoRefusesOwn: clients of AWS's formats that
// have the right key see that an object in a format of s3seal's own is none of
// theirs, and hand out nothing of it.
func TestRubyRefusesOwn(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		newPeerMatrix(t, srv, startRuby).refuseOwn(t)
	})
}

func TestS3cryptoRefusesOwn(t *testing.T) {
	start := s3cryptoStarter(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		newPeerMatrix(t, srv, start).refuseOwn(t)
	})
}

func (m *peerMatrix) refuseOwn(t *testing.T) {
	t.Helper()
	sizes := []int{4101}
	if m.srv.Name == "minio" || long() { // what refuses is the client, whatever the server
		sizes = append(sizes, 0)
	}
	for _, location := range []string{inMetadata, inFile} {
		for i, row := range ownRows() {
			for _, size := range sizes {
				req := m.request(&row, location)
				req.Key = fmt.Sprintf("%s-%d-%d", location, i, size)
				b := m.open(t, &row, location, envelope.OpenOptions{})
				if _, err := b.Put(t.Context(), req.Key, bytes.NewReader(pattern(size)), int64(size), nil); err != nil {
					t.Fatal(err)
				}
				m.wantRefused(t, &row, req)
				req.Location = "" // they look for the envelope by themselves
				m.wantRefused(t, &row, req)
			}
		}
	}
	// With a key and a client that do read: else the refusals would prove nothing.
	row := &peerRow{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext}
	req := m.request(row, inMetadata)
	req.Key = "theirs"
	if _, err := m.open(t, row, inMetadata, row.accept()).Put(t.Context(), req.Key, bytes.NewReader(pattern(10)), 10, nil); err != nil {
		t.Fatal(err)
	}
	m.wantTheyRead(t, req, pattern(10))
}

func (m *peerMatrix) wantRefused(t *testing.T, row *peerRow, req peerRequest) {
	t.Helper()
	if msg := m.get(t, &req); msg == "" {
		t.Errorf("%v, envelope in %q: %s has read it", row, req.Location, m.peer.Name)
	}
	// get has removed what was there before.
	if info, err := os.Stat(filepath.Join(m.dir, "out")); err == nil && info.Size() > 0 {
		t.Errorf("%v, envelope in %q: %s has left %d bytes", row, req.Location, m.peer.Name, info.Size())
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
