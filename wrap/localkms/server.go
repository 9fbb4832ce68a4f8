// SPDX-License-Identifier: Apache-2.0

package localkms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

const (
	// maxBodySize holds the largest plaintext, in base64, and a context far
	// above what AWS takes.
	maxBodySize = 64 << 10

	contentType  = "application/x-amz-json-1.1"
	targetPrefix = "TrentService." // what AWS KMS calls itself on the wire
	symmetric    = "SYMMETRIC_DEFAULT"
)

// Handler returns a server of k for clients of AWS KMS, of any SDK, by its JSON
// protocol: GenerateDataKey, Encrypt and Decrypt. All else is an
// UnknownOperationException.
//
// Signatures are NOT checked, so everyone who can connect can use every key:
// serve it on the loopback interface, for development and tests. Requests that a
// browser makes for a page are refused. There is no TLS unless the server that
// it is given to adds it, and data keys travel in the clear.
//
// Key IDs must be those of k, to the letter. Decrypt without a key ID, which AWS
// allows, tries all keys. Grant tokens are ignored; dry runs, recipients and
// asymmetric algorithms are refused.
//
// The handler may be used concurrently.
func (k *KMS) Handler() http.Handler { return &server{k} }

type server struct{ kms *KMS }

// An apiError is a failure in the words of AWS.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func badRequest(code, format string, args ...any) error {
	return &apiError{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// A request is the union of what the three operations take. []byte is base64.
type request struct {
	KeyID               *string `json:"KeyId"`
	EncryptionContext   map[string]string
	EncryptionAlgorithm string
	KeySpec             string
	NumberOfBytes       *int
	Plaintext           []byte
	CiphertextBlob      []byte
	DryRun              bool
	Recipient           json.RawMessage
}

// A response is the union of what they return.
type response struct {
	KeyID               string `json:"KeyId"`
	Plaintext           []byte `json:",omitempty"`
	CiphertextBlob      []byte `json:",omitempty"`
	EncryptionAlgorithm string `json:",omitempty"`
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.serve(r)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *server) serve(r *http.Request) (*response, error) {
	op, err := s.operation(r)
	if err != nil {
		return nil, err
	}
	req, err := readRequest(r)
	if err != nil {
		return nil, err
	}
	return op(r.Context(), req)
}

func (s *server) operation(r *http.Request) (func(context.Context, *request) (*response, error), error) {
	// Browsers send Origin with every POST for a page and SDKs never do. No page
	// that somebody looks at may use the keys.
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return nil, &apiError{http.StatusForbidden, "AccessDeniedException", "requests from browsers are refused"}
	}
	if r.Method != http.MethodPost {
		return nil, &apiError{http.StatusMethodNotAllowed, "UnknownOperationException", "want POST"}
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != contentType {
		return nil, badRequest("SerializationException", "want the content type %s", contentType)
	}
	name, _ := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	switch name {
	case "GenerateDataKey":
		return s.generateDataKey, nil
	case "Encrypt":
		return s.encrypt, nil
	case "Decrypt":
		return s.decrypt, nil
	}
	return nil, badRequest("UnknownOperationException", "want GenerateDataKey, Encrypt or Decrypt")
}

func readRequest(r *http.Request) (*request, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBodySize+1))
	if err != nil {
		return nil, badRequest("SerializationException", "the body cannot be read")
	}
	if len(body) > maxBodySize {
		return nil, &apiError{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", fmt.Sprintf("want at most %d bytes", maxBodySize)}
	}
	req := new(request)
	if err := json.Unmarshal(body, req); err != nil {
		return nil, badRequest("SerializationException", "the body is not the JSON of this operation")
	}
	if req.DryRun || len(req.Recipient) > 0 && string(req.Recipient) != "null" {
		return nil, badRequest("UnsupportedOperationException", "dry runs and recipients are not supported")
	}
	if a := req.EncryptionAlgorithm; a != "" && a != symmetric {
		return nil, badRequest("InvalidKeyUsageException", "want the algorithm %s", symmetric)
	}
	return req, nil
}

// requireKeyID is for the operations that cannot do without.
func (req *request) requireKeyID() (string, error) {
	if req.KeyID == nil || *req.KeyID == "" {
		return "", badRequest("ValidationException", "want a KeyId")
	}
	return *req.KeyID, nil
}

// dataKeySize understands both ways of asking for a size, of which one must be
// used.
func (req *request) dataKeySize() (int, error) {
	switch {
	case req.KeySpec != "" && req.NumberOfBytes != nil:
	case req.KeySpec == "AES_256":
		return 32, nil
	case req.KeySpec == "AES_128":
		return 16, nil
	case req.NumberOfBytes != nil && *req.NumberOfBytes >= 1 && *req.NumberOfBytes <= maxDataKeySize:
		return *req.NumberOfBytes, nil
	}
	return 0, badRequest("ValidationException", "want a KeySpec of AES_128 or AES_256, or a NumberOfBytes of 1 to %d", maxDataKeySize)
}

func (s *server) generateDataKey(ctx context.Context, req *request) (*response, error) {
	keyID, err := req.requireKeyID()
	if err != nil {
		return nil, err
	}
	size, err := req.dataKeySize()
	if err != nil {
		return nil, err
	}
	plain, blob, err := s.kms.GenerateDataKey(ctx, keyID, size, req.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &response{KeyID: keyID, Plaintext: plain, CiphertextBlob: blob}, nil
}

func (s *server) encrypt(ctx context.Context, req *request) (*response, error) {
	keyID, err := req.requireKeyID()
	if err != nil {
		return nil, err
	}
	if n := len(req.Plaintext); n < 1 || n > maxPlainSize {
		return nil, badRequest("ValidationException", "want a Plaintext of 1 to %d bytes, got %d", maxPlainSize, n)
	}
	blob, err := s.kms.Encrypt(ctx, keyID, req.Plaintext, req.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &response{KeyID: keyID, CiphertextBlob: blob, EncryptionAlgorithm: symmetric}, nil
}

func (s *server) decrypt(_ context.Context, req *request) (*response, error) {
	if len(req.CiphertextBlob) == 0 {
		return nil, badRequest("ValidationException", "want a CiphertextBlob")
	}
	if req.KeyID == nil {
		keyID, plain, err := s.kms.decryptByAny(req.CiphertextBlob, req.EncryptionContext)
		if err != nil {
			return nil, err
		}
		return &response{KeyID: keyID, Plaintext: plain, EncryptionAlgorithm: symmetric}, nil
	}
	m, err := s.kms.key(*req.KeyID)
	if err != nil {
		return nil, err
	}
	plain, err := m.open(req.CiphertextBlob, req.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &response{KeyID: m.id, Plaintext: plain, EncryptionAlgorithm: symmetric}, nil
}

// writeError says in AWS's words what went wrong.
func writeError(w http.ResponseWriter, err error) {
	var api *apiError
	switch {
	case errors.As(err, &api):
	case errors.Is(err, ErrNotFound):
		api = &apiError{http.StatusBadRequest, "NotFoundException", err.Error()}
	case errors.Is(err, errIncorrectKey):
		api = &apiError{http.StatusBadRequest, "IncorrectKeyException", err.Error()}
	case errors.Is(err, errInvalidCiphertext):
		api = &apiError{http.StatusBadRequest, "InvalidCiphertextException", ""}
	default:
		api = &apiError{http.StatusInternalServerError, "KMSInternalException", err.Error()}
	}
	w.Header().Set("X-Amzn-ErrorType", api.code)
	writeJSON(w, api.status, map[string]string{"__type": api.code, "message": api.message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone is not ours to report
}
