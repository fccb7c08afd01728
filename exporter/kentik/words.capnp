# What finished words are handed to Cap'n Proto's packer in (packing.py). It is sent nowhere.

@0xf6a1d9e3b7c05a41;

struct Blob {
  words @0 :Data;
}
