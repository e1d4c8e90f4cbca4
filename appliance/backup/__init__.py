"""What a backup looks like: one encrypted file, which is read as if an enemy had written it.

    age         the age format (C2SP): encrypts to a passphrase or to a public key, as a stream
    bech32      how age writes keys as text
    manifest    what is in a backup, in words and numbers
    archive     the tar inside: the manifest first, then exactly the files that it names

age and tar, so that `age -d backup | tar x` is all that is needed where there is no appliance. No
library writes age to a passphrase without holding all of it in memory, so this is ours, over the
primitives of `cryptography`; the tests exchange files with rage's own implementation.

Who holds the public key of a backup can make one as well. So nothing is believed because it could
be decrypted: names come from a short list, sizes are told before and kept to, and nothing but
plain files is taken. What is in the databases is not this package's to know: `audit` verifies the
log, `storage` looks at the state, and `app` decides what takes whose place.
"""
