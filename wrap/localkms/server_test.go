// SPDX-License-Identifier: Apache-2.0

package localkms_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/wrap/localkms"
)

func startServer(t testing.TB, k *localkms.KMS) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(k.Handler())
	t.Cleanup(srv.Close)
	return srv
}

// A reply is what the server may answer.
type reply struct {
	status         int
	Type           string `json:"__type"`
	KeyID          string `json:"KeyId"`
	Plaintext      []byte
	CiphertextBlob []byte
}

func call(t testing.TB, srv *httptest.Server, op, body string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "TrentService."+op)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return send(t, srv, req)
}

func send(t testing.TB, srv *httptest.Server, req *http.Request) reply {
	t.Helper()
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: res.StatusCode}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatalf("answer %q: %v", data, err)
	}
	if got := res.Header.Get("X-Amzn-ErrorType"); got != r.Type {
		t.Errorf("X-Amzn-ErrorType = %q, want %q", got, r.Type)
	}
	return r
}

func TestServerRoundTrip(t *testing.T) {
	k := newKMS(t)
	srv := startServer(t, k)
	for spec, size := range map[string]int{`"KeySpec":"AES_256"`: 32, `"KeySpec":"AES_128"`: 16, `"NumberOfBytes":24`: 24, `"NumberOfBytes":1024`: 1024} {
		made := call(t, srv, "GenerateDataKey", fmt.Sprintf(`{"KeyId":%q,%s,"EncryptionContext":{"a":"b"}}`, keyA, spec))
		if made.status != 200 || len(made.Plaintext) != size || made.KeyID != keyA {
			t.Fatalf("GenerateDataKey(%s) = %+v, want %d bytes", spec, made, size)
		}
		blob := base64.StdEncoding.EncodeToString(made.CiphertextBlob)
		for _, id := range []string{"", fmt.Sprintf(`"KeyId":%q,`, keyA)} {
			got := call(t, srv, "Decrypt", fmt.Sprintf(`{%s"CiphertextBlob":%q,"EncryptionContext":{"a":"b"},"EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}`, id, blob))
			if got.status != 200 || got.KeyID != keyA || !bytes.Equal(got.Plaintext, made.Plaintext) {
				t.Errorf("Decrypt = %+v, want the data key", got)
			}
		}
		wantPlain(t, k, keyA, made.CiphertextBlob, md{"a": "b"}, made.Plaintext)
	}
	sealed := call(t, srv, "Encrypt", fmt.Sprintf(`{"KeyId":%q,"Plaintext":"cGxhaW4=","EncryptionContext":null}`, keyB))
	wantPlain(t, k, keyB, sealed.CiphertextBlob, nil, []byte("plain"))
}

func TestServerErrors(t *testing.T) {
	k := newKMS(t)
	srv := startServer(t, k)
	blob := base64.StdEncoding.EncodeToString(mustEncrypt(t, k, make([]byte, 32), md{"a": "b"}))
	idA := fmt.Sprintf(`"KeyId":%q`, keyA)
	for _, c := range []struct{ name, op, body, want string }{
		{"other context", "Decrypt", `{` + idA + `,"CiphertextBlob":"` + blob + `","EncryptionContext":{"a":"c"}}`, "InvalidCiphertextException"},
		{"no context", "Decrypt", `{` + idA + `,"CiphertextBlob":"` + blob + `"}`, "InvalidCiphertextException"},
		{"no context, no key", "Decrypt", `{"CiphertextBlob":"` + blob + `"}`, "InvalidCiphertextException"},
		{"no blob of ours", "Decrypt", `{` + idA + `,"CiphertextBlob":"AAAA"}`, "InvalidCiphertextException"},
		{"other key", "Decrypt", `{"KeyId":"` + keyB + `","CiphertextBlob":"` + blob + `","EncryptionContext":{"a":"b"}}`, "IncorrectKeyException"},
		{"unknown key", "Decrypt", `{"KeyId":"x","CiphertextBlob":"` + blob + `"}`, "NotFoundException"},
		{"unknown key", "Encrypt", `{"KeyId":"x","Plaintext":"AAAA"}`, "NotFoundException"},
		{"unknown key", "GenerateDataKey", `{"KeyId":"x","KeySpec":"AES_256"}`, "NotFoundException"},
		{"empty key", "Decrypt", `{"KeyId":"","CiphertextBlob":"` + blob + `"}`, "NotFoundException"},
		{"no blob", "Decrypt", `{` + idA + `}`, "ValidationException"},
		{"no key", "Encrypt", `{"Plaintext":"AAAA"}`, "ValidationException"},
		{"no key", "GenerateDataKey", `{"KeySpec":"AES_256"}`, "ValidationException"},
		{"no plaintext", "Encrypt", `{` + idA + `}`, "ValidationException"},
		{"too much", "Encrypt", `{` + idA + `,"Plaintext":"` + strings.Repeat("AAAA", 1366) + `"}`, "ValidationException"},
		{"no size", "GenerateDataKey", `{` + idA + `}`, "ValidationException"},
		{"two sizes", "GenerateDataKey", `{` + idA + `,"KeySpec":"AES_256","NumberOfBytes":32}`, "ValidationException"},
		{"size 0", "GenerateDataKey", `{` + idA + `,"NumberOfBytes":0}`, "ValidationException"},
		{"size 1025", "GenerateDataKey", `{` + idA + `,"NumberOfBytes":1025}`, "ValidationException"},
		{"other spec", "GenerateDataKey", `{` + idA + `,"KeySpec":"RSA_2048"}`, "ValidationException"},
		{"algorithm", "Decrypt", `{` + idA + `,"CiphertextBlob":"` + blob + `","EncryptionAlgorithm":"RSAES_OAEP_SHA_1"}`, "InvalidKeyUsageException"},
		{"dry run", "Encrypt", `{` + idA + `,"Plaintext":"AAAA","DryRun":true}`, "UnsupportedOperationException"},
		{"recipient", "Decrypt", `{` + idA + `,"CiphertextBlob":"` + blob + `","Recipient":{}}`, "UnsupportedOperationException"},
		{"no JSON", "Decrypt", `x`, "SerializationException"},
		{"two JSONs", "Decrypt", `{}{}`, "SerializationException"},
		{"wrong type", "Decrypt", `{"EncryptionContext":{"a":1}}`, "SerializationException"},
		{"no base64", "Decrypt", `{"CiphertextBlob":"?"}`, "SerializationException"},
		{"empty", "Decrypt", ``, "SerializationException"},
		{"deep", "Decrypt", `{"EncryptionContext":` + strings.Repeat(`{"a":`, 10_000), "SerializationException"},
		{"deep, whole", "Decrypt", strings.Repeat(`[`, 20_000) + strings.Repeat(`]`, 20_000), "SerializationException"},
		{"huge", "Decrypt", `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, "RequestEntityTooLargeException"},
		{"operation", "ScheduleKeyDeletion", `{}`, "UnknownOperationException"},
		{"no operation", "", `{}`, "UnknownOperationException"},
	} {
		got := call(t, srv, c.op, c.body)
		if got.Type != c.want || got.status/100 != 4 || got.Plaintext != nil || got.CiphertextBlob != nil {
			t.Errorf("%s, %s = %+v, want %s", c.op, c.name, got, c.want)
		}
	}
}

// TestAttackBrowser: a page that somebody looks at must not reach the keys.
func TestAttackBrowser(t *testing.T) {
	srv := startServer(t, newKMS(t))
	body := fmt.Sprintf(`{"KeyId":%q,"KeySpec":"AES_256"}`, keyA)
	for _, h := range [][]string{
		{"Origin", "https://example.com"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "same-origin"},
		{"Content-Type", "text/plain"},
		{"Content-Type", "application/json"},
		{"Content-Type", ""},
	} {
		if got := call(t, srv, "GenerateDataKey", body, h...); got.status/100 != 4 || got.Plaintext != nil {
			t.Errorf("with %q: %+v, want a refusal", h, got)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodOptions} {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := send(t, srv, req); got.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %+v, want status 405", method, got)
		}
	}
}
