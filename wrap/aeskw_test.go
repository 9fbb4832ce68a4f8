// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"pgregory.net/rapid"
)

// The six examples of RFC 3394, section 4.
var rfc3394 = []struct{ section, kek, key, want string }{
	{
		"4.1", "000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF",
		"1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5",
	},
	{
		"4.2", "000102030405060708090A0B0C0D0E0F1011121314151617", "00112233445566778899AABBCCDDEEFF",
		"96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D",
	},
	{
		"4.3", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF",
		"64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7",
	},
	{
		"4.4", "000102030405060708090A0B0C0D0E0F1011121314151617", "00112233445566778899AABBCCDDEEFF0001020304050607",
		"031D33264E15D33268F24EC260743EDCE1C6C7DDEE725A936BA814915C6762D2",
	},
	{
		"4.5", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF0001020304050607",
		"A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1",
	},
	{
		"4.6", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
		"28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
	},
}

// checkKW wants key and wrapped to be each other's image under kek, in the
// functions and, for keys that can be a CEK, in the key type.
func checkKW(t *testing.T, kek, key, wrapped []byte) {
	t.Helper()
	if got, err := wrap.AESKeyWrap(kek, key); err != nil || !bytes.Equal(got, wrapped) {
		t.Errorf("AESKeyWrap = %x, %v, want %x, nil", got, err, wrapped)
	}
	if got, err := wrap.AESKeyUnwrap(kek, wrapped); err != nil || !bytes.Equal(got, key) {
		t.Errorf("AESKeyUnwrap = %x, %v, want %x, nil", got, err, key)
	}
	k := mustAESKeyWrap(t, kek)
	if n := len(key); n == 16 || n == 24 || n == 32 {
		wantCEK(t, k, wrap.AESKW, wrapped, wrap.Info{}, key)
	} else {
		wantRejected(t, k, wrap.AESKW, wrapped, wrap.Info{})
	}
}

// checkKWRejected wants both ways of unwrapping to refuse.
func checkKWRejected(t *testing.T, kek, wrapped []byte) {
	t.Helper()
	if got, err := wrap.AESKeyUnwrap(kek, wrapped); !errors.Is(err, wrap.ErrUnwrap) || err.Error() != wrap.ErrUnwrap.Error() || got != nil {
		t.Errorf("AESKeyUnwrap(%d bytes) = %x, %v, want nil, %v", len(wrapped), got, err, wrap.ErrUnwrap)
	}
	wantRejected(t, mustAESKeyWrap(t, kek), wrap.AESKW, wrapped, wrap.Info{})
}

func mustAESKeyWrap(t testing.TB, kek []byte) wrap.Key {
	t.Helper()
	k, err := wrap.NewAESKeyWrap(kek)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// wantRejected wants ErrUnwrap, with its own text and nothing beside it.
func wantRejected(t *testing.T, u wrap.Unwrapper, alg wrap.Algorithm, wrapped []byte, info wrap.Info) {
	t.Helper()
	got, err := u.Unwrap(t.Context(), alg, wrapped, info)
	if !errors.Is(err, wrap.ErrUnwrap) || err.Error() != wrap.ErrUnwrap.Error() || got != nil {
		t.Errorf("Unwrap(%v, %d bytes) = %x, %v, want nil, %v", alg, len(wrapped), got, err, wrap.ErrUnwrap)
	}
}

func TestAESKeyWrapRFC3394(t *testing.T) {
	for _, c := range rfc3394 {
		t.Run(c.section, func(t *testing.T) {
			checkKW(t, vectors.DecodeHex(t, c.kek), vectors.DecodeHex(t, c.key), vectors.DecodeHex(t, c.want))
		})
	}
}

func TestAESKeyWrapSizes(t *testing.T) {
	for n := range 70 {
		kek := make([]byte, n)
		_, errWrap := wrap.AESKeyWrap(kek, make([]byte, 16))
		_, errUnwrap := wrap.AESKeyUnwrap(kek, make([]byte, 24))
		_, errNew := wrap.NewAESKeyWrap(kek)
		ok := n == 16 || n == 24 || n == 32
		if (errWrap == nil) != ok || (errNew == nil) != ok {
			t.Errorf("KEK of %d bytes: AESKeyWrap = %v, NewAESKeyWrap = %v, want ok = %t", n, errWrap, errNew, ok)
		}
		if errors.Is(errUnwrap, wrap.ErrUnwrap) != ok {
			t.Errorf("KEK of %d bytes: AESKeyUnwrap = %v, want ErrUnwrap = %t", n, errUnwrap, ok)
		}
		_, err := wrap.AESKeyWrap(make([]byte, 16), make([]byte, n))
		if want := n >= 16 && n%8 == 0; (err == nil) != want {
			t.Errorf("key of %d bytes: AESKeyWrap = %v, want ok = %t", n, err, want)
		}
	}
}

func TestAESKeyWrapEveryBit(t *testing.T) {
	for _, c := range rfc3394 {
		kek, wrapped := vectors.DecodeHex(t, c.kek), vectors.DecodeHex(t, c.want)
		for i := range 8 * len(wrapped) {
			wrapped[i/8] ^= 1 << (i % 8)
			checkKWRejected(t, kek, wrapped)
			wrapped[i/8] ^= 1 << (i % 8)
		}
		for i := range 8 * len(kek) {
			kek[i/8] ^= 1 << (i % 8)
			checkKWRejected(t, kek, wrapped)
			kek[i/8] ^= 1 << (i % 8)
		}
	}
}

func TestAESKeyWrapEveryCut(t *testing.T) {
	for _, c := range rfc3394 {
		kek, wrapped := vectors.DecodeHex(t, c.kek), vectors.DecodeHex(t, c.want)
		for n := range wrapped {
			checkKWRejected(t, kek, wrapped[:n])
			checkKWRejected(t, kek, wrapped[len(wrapped)-n:])
		}
		for n := range 25 {
			checkKWRejected(t, kek, append(vectors.DecodeHex(t, c.want), make([]byte, n+1)...))
		}
	}
}

func TestAESKeyWrapWycheproof(t *testing.T) {
	refused := 0
	for _, g := range vectors.Wycheproof[wycheproofGroup](t, "aes_wrap_test.json") {
		for _, c := range g.Tests {
			t.Run(fmt.Sprintf("tc=%d", c.ID), func(t *testing.T) {
				kek, msg, ct := vectors.DecodeHex(t, c.Key), vectors.DecodeHex(t, c.Msg), vectors.DecodeHex(t, c.CT)
				if c.Result == "valid" {
					checkKW(t, kek, msg, ct)
					return
				}
				// "acceptable" are the keys of 8 bytes, for which RFC 3394
				// has no definition.
				checkKWRejected(t, kek, ct)
				if got, err := wrap.AESKeyWrap(kek, msg); err == nil && bytes.Equal(got, ct) {
					t.Errorf("AESKeyWrap made the invalid %x", ct)
				}
				refused++
			})
		}
	}
	if refused != 129 {
		t.Errorf("refused %d, want 129", refused)
	}
}

func TestAESKeyWrapACVP(t *testing.T) {
	type acvpFile []struct {
		TestGroups []struct {
			Direction string
			Tests     []struct {
				ID          int `json:"tcId"`
				Key, PT, CT string
				TestPassed  *bool
			}
		}
	}
	var in, want acvpFile
	for name, f := range map[string]*acvpFile{"nist/ACVP-AES-KW.vectors.json": &in, "nist/ACVP-AES-KW.expected.json": &want} {
		if err := json.Unmarshal(vectors.Read(t, name), f); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for i, g := range in[1].TestGroups {
		for j, c := range g.Tests {
			w := want[1].TestGroups[i].Tests[j]
			if c.ID != w.ID {
				t.Fatalf("test case %d beside %d", c.ID, w.ID)
			}
			seen++
			switch {
			case g.Direction == "encrypt":
				checkKW(t, vectors.DecodeHex(t, c.Key), vectors.DecodeHex(t, c.PT), vectors.DecodeHex(t, w.CT))
			case w.TestPassed != nil && !*w.TestPassed:
				checkKWRejected(t, vectors.DecodeHex(t, c.Key), vectors.DecodeHex(t, c.CT))
			default:
				checkKW(t, vectors.DecodeHex(t, c.Key), vectors.DecodeHex(t, w.PT), vectors.DecodeHex(t, c.CT))
			}
		}
	}
	if seen != 30 {
		t.Errorf("checked %d cases, want 30", seen)
	}
}

var vecLine = regexp.MustCompile(`(?m)^(Input|Key|KEK|Output) = ([0-9A-Fa-f]*)\s*$`)

// parseVec reads the blocks of the [KW] section of a Botan file, or all blocks
// of a file without sections.
func parseVec(t *testing.T, data []byte) []map[string][]byte {
	t.Helper()
	text, _, _ := strings.Cut(string(data), "[KWP]")
	var cases []map[string][]byte
	for block := range strings.SplitSeq(text, "\n\n") {
		c := make(map[string][]byte)
		for _, m := range vecLine.FindAllStringSubmatch(block, -1) {
			c[m[1]] = vectors.DecodeHex(t, m[2])
		}
		if len(c) > 0 {
			cases = append(cases, c)
		}
	}
	return cases
}

func TestAESKeyWrapBotan(t *testing.T) {
	rfc := parseVec(t, vectors.Read(t, "nist/botan_rfc3394.vec"))
	for _, c := range rfc {
		checkKW(t, c["KEK"], c["Key"], c["Output"])
	}
	good := parseVec(t, vectors.Read(t, "nist/botan_nist_key_wrap.vec"))
	for _, c := range good {
		if len(c["Input"]) == 8 {
			checkKWRejected(t, c["Key"], c["Output"]) // shorter than RFC 3394 defines
			continue
		}
		checkKW(t, c["Key"], c["Input"], c["Output"])
	}
	bad := parseVec(t, vectors.Read(t, "nist/botan_nist_key_wrap_invalid.vec"))
	for _, c := range bad {
		checkKWRejected(t, c["Key"], c["Input"])
	}
	if len(rfc) != 6 || len(good) != 7 || len(bad) != 7 {
		t.Errorf("checked %d, %d and %d cases, want 6, 7 and 7", len(rfc), len(good), len(bad))
	}
}

func genKEK(t *rapid.T) []byte {
	n := rapid.SampledFrom([]int{16, 24, 32}).Draw(t, "KEK size")
	return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "KEK")
}

func genCEK(t *rapid.T) []byte {
	n := rapid.SampledFrom([]int{16, 24, 32}).Draw(t, "CEK size")
	return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "CEK")
}

func TestAESKeyWrapRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kek, n := genKEK(t), 8*rapid.IntRange(2, 40).Draw(t, "half blocks")
		key := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "key")
		before := hex.EncodeToString(key)
		wrapped, err := wrap.AESKeyWrap(kek, key)
		if err != nil || len(wrapped) != n+8 {
			t.Fatalf("AESKeyWrap = %d bytes, %v, want %d, nil", len(wrapped), err, n+8)
		}
		got, err := wrap.AESKeyUnwrap(kek, wrapped)
		if err != nil || !bytes.Equal(got, key) || hex.EncodeToString(key) != before {
			t.Fatalf("AESKeyUnwrap = %x, %v, want %s, nil, and the input unchanged", got, err, before)
		}
	})
}

// TestAESKeyUnwrapInverse draws wrapped keys near the valid one, so that some
// are accepted: those must be what AESKeyWrap makes.
func TestAESKeyUnwrapInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kek := genKEK(t)
		wrapped, err := wrap.AESKeyWrap(kek, genCEK(t))
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			wrapped[rapid.IntRange(0, len(wrapped)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "value")
		}
		key, err := wrap.AESKeyUnwrap(kek, wrapped)
		if err != nil {
			return
		}
		if again, err := wrap.AESKeyWrap(kek, key); err != nil || !bytes.Equal(again, wrapped) {
			t.Fatalf("AESKeyWrap(AESKeyUnwrap(x)) = %x, %v, want %x, nil", again, err, wrapped)
		}
	})
}
