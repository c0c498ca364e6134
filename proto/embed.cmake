# Writes the bytes of INPUT as a C++ array to OUTPUT: cmake -DINPUT=... -DOUTPUT=... -P embed.cmake
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
# Lines of 20 bytes: compilers and diffs dislike a line of 100 kB.
string(REPEAT "0x..," 20 line)
string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT}
     "#include <cstddef>\n\nnamespace gridlock {\n\n"
     "extern const unsigned char schema_bytes[];\nextern const std::size_t schema_size;\n\n"
     "const unsigned char schema_bytes[] = {\n${bytes}\n};\n"
     "const std::size_t schema_size = sizeof schema_bytes;\n\n}  // namespace gridlock\n")
