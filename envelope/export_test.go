// SPDX-License-Identifier: Apache-2.0

package envelope

// ContentKey shows the key that a Sealer holds, to see that it is cleared.
func (s *Sealer) ContentKey() []byte { return s.content.secret.key }

// ContentKey shows the key that an Opener holds, to see that it is not printed.
func (o *Opener) ContentKey() []byte { return o.content.secret.key }
