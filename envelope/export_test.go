// SPDX-License-Identifier: Apache-2.0

package envelope

import "io"

// ContentKey shows the key that a Sealer holds, to see that it is cleared.
func (s *Sealer) ContentKey() []byte { return s.content.secret.key }

// RangeBuffer shows what a range of a format that verifies it keeps of the
// plaintext.
func RangeBuffer(r io.ReadCloser) []byte { return r.(*bodyReader).dec.(*verifiedRange).buf }

// ContentKey shows the key that an Opener holds, to see that it is not printed.
func (o *Opener) ContentKey() []byte { return o.content.secret.key }
