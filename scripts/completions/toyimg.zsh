#compdef toyimg
# SPDX-License-Identifier: Apache-2.0
# Made by scripts/completions/generate from --help: change the option table, then run it.

_toyimg() {
  local state verbs
  verbs=(
    'build:Build an image from a Dockerfile'
    'pull:Fetch an image from a registry into the store, and make a bundle of it'
    'push:Send an image of the store to a registry'
    'copy:Copy an image from any place to any other'
    'save:Write images of the store into an archive for docker load, podman and skopeo'
    'load:Take the images of an archive into the store'
    'tag:Give an image of the store further names'
    'import:Make an image of one layer from a tarball of a root file system'
    'export:Write a bundles root file system as a tarball'
    'commit:Make an image from a changed bundle - the image it was made from and one layer more'
    'convert:Give the layers of an image in the store another compression'
    'manifest:Make an index of images for several platforms in the store, change and push it'
    'sync:Copy many images from registries - a list, skopeos YAML, or all tags'
    'unpack:Make a bundle from an image that is in the store'
    'images:List the images in the store'
    'inspect:Print what an image in any place is made of, without its layers'
    'history:Show the steps an image was made by, the newest first'
    'diff:Show how two images differ, file by file, without extracting them'
    'user:Look up a user in the passwd and group files of a root file system'
    'archive:Write files of a root file system as tar'
    'extract:Read tar into a directory of a root file system'
    'rmi:Remove images from the store, and the content that nothing else uses'
    'prune:Remove from the store what neither an image nor a bundle needs'
    'fsck:Look through the store - hash every blob, compare every layer, repair what can be'
    'verify:Compare a bundles root file system with its image and list every difference'
    'info:Say where the store is, what it holds and how layers are mounted on this host'
    'login:Check a login with a registry and keep it'
    'logout:Forget the login for a registry'
    'tags:List the tags of a repository'
    'catalog:List the repositories of a registry'
    'referrers:List what refers to an image in its registry - signatures, SBOMs'
    'delete:Delete an image from its registry'
    'unshare:Run a command with your subordinate ids, as the owner of your containers files'
  )
  _arguments -C \
        '--store[keep images in DIR (default - $TOYIMG_STORE, /var/lib/toyimg)]:file:_files' \
        '--single-id[as an ordinary user - use no subordinate ids, all files are mine]' \
        '--debug[say more]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '(-v --version)'{-v,--version}'[show the version]' \
        '1: :->verb' \
        '*:: :->words'
  case $state in
    verb) _describe verb verbs ;;
    words)
      case $words[1] in
        build) _arguments \
        '(-f --file)'{-f,--file}'[the Dockerfile; - is stdin (default - CONTEXT/Dockerfile)]:file:_files' \
        '(-t --tag)'{-t,--tag}'[name the image in the store]:REF:' \
        '(-o --output)'{-o,--output}'[also make a bundle, or local, tar, oci, docker]:BUNDLE|type=TYPE,dest=PATH:' \
        '--build-arg[value of an ARG; without VALUE the environments]:NAME[=VALUE:' \
        '--build-arg-file[more of these, one a line]:file:_files' \
        '--build-context[another place for FROM and --from to name]:NAME=DIR|URL|docker-image //REF|oci-layout //DIR[ TAG|@DIGEST:' \
        '--target[stop at this stage]:STAGE:' \
        '--platform[build for these platforms (default - this hosts)]:OS/ARCH[/VARIANT],...:' \
        '--pull[when to ask the registry for images (default - missing)]' \
        '--push[push every name given by -t]' \
        '--load[nothing to do - the image is in the store]' \
        '--rm[nothing to do - no steps container is left]' \
        '--force-rm[the same]' \
        '--layers[nothing to do - each step makes a layer]' \
        '--provenance[no attestation is made]' \
        '--sbom[no attestation is made]' \
        '--no-cache[make every step anew]' \
        '--no-cache-filter[make the steps of this stage anew]:STAGE:' \
        '--explain-cache[say of each step why the cache has it or not]' \
        '--cache-from[also look for steps in this cache]:REF|type=local,src=DIR:' \
        '--cache-to[write the steps of this build there, or into the image]:REF|type=local,dest=DIR|type=inline:' \
        '--network[the network of RUN steps (default - host)]:host|none:' \
        '--add-host[a line in /etc/hosts of RUN steps]:NAME ADDRESS:' \
        '--secret[a secret for RUN --mount=type=secret]:id=ID,src=FILE|env=NAME:' \
        '--ssh[an agent for RUN --mount=type=ssh (default - $SSH_AUTH_SOCK)]:ID[=SOCKET:' \
        '--label[a label of the image]:NAME=VALUE:' \
        '--annotation[an annotation of its manifest]:NAME=VALUE:' \
        '--iidfile[write the digest of the images config there]:file:_files' \
        '--metadata-file[write names and digests there, as JSON]:file:_files' \
        '--squash[one layer for all that came on top of the base image]' \
        '--compression[of new layers (default - gzip -1)]:gzip|zstd|none[ LEVEL:' \
        '--ignorefile[instead of .dockerignore]:file:_files' \
        '--runtime[the OCI runtime for RUN steps (default - toyrun)]:PROGRAM:' \
        '--check[only say what is unwise in the Dockerfile]' \
        '--dry-run[only print the stages and steps that would be built]' \
        '--verify-reproducible[build twice and compare]' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|tty|json|none:' \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        pull) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '--overlay[the bundles root is an overlay of the stores layers, ready at once (for toyrun)]' \
        '--no-setuid[drop setuid and setgid bits of files, and file capabilities]' \
        '--no-devices[leave device nodes out]' \
        '--max-entries[most entries in a layer (default - 10000000)]:N:' \
        '--max-size[most bytes in a layer, uncompressed]:BYTES:' \
        '--max-ratio[most bytes that one compressed byte may become (default - 1000)]:N:' \
        '--max-name[longest path in a layer (default - 4095)]:BYTES:' \
        '--max-depth[most parts of a path (default - 2048)]:N:' \
        '--max-header[largest extended header in a layer (default - 1048576)]:BYTES:' \
        '--report[write to FILE what the layers had in them and what was left out (JSON)]:file:_files' \
        '(-o --output)'{-o,--output}'[also make the bundle BUNDLE from it]:file:_files' \
        '--platform[the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '--explain[say where it came from, why, and what it cost]' \
        '--trace[write requests, phases of layers and their times to FILE (Chrome trace JSON)]:file:_files' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        push) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '--all[of an index - all its images, and the index itself]' \
        '--foreign[also send layers that are kept elsewhere]' \
        '--chunk-size[send at most so much in one request (default - a blob as a whole)]:BYTES:' \
        '--digestfile[write the digest there, too]:file:_files' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        copy) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-a --all)'{-a,--all}'[of an index - all its images, and the index itself]' \
        '--platform[of an index - the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '--src-creds[log in with these where the image comes from]:USER PASSWORD:' \
        '--dest-creds[log in with these where it goes]:USER PASSWORD:' \
        '--src-tls-verify[--tls-verify only for where the image comes from]' \
        '--dest-tls-verify[--tls-verify only for where it goes]' \
        '--multi-arch[of an index - as --all, or this hosts image, as without it]:all|system:' \
        '--digestfile[write the digest there, too]:file:_files' \
        '--sparse[of an index - it as it is, with those of its images that are there (and for --platform)]' \
        '--preserve-digests[fail rather than make another manifest]' \
        '--compression[give the layers this compression, and the image another digest]:gzip|zstd|none[ LEVEL:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        save) _arguments \
        '(-o --output)'{-o,--output}'[write to FILE (default - standard output)]:file:_files' \
        '--format[which kind of archive (default - docker-archive)]:docker-archive|oci-archive:' \
        '(-a --all)'{-a,--all}'[of an index - all its images, and the index itself]' \
        '--platform[of an index - the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        load) _arguments \
        '(-i --input)'{-i,--input}'[read from FILE (default - standard input)]:file:_files' \
        '--name[call the archives only image so, whatever it says]:NAME:' \
        '(-a --all)'{-a,--all}'[of an index - all its images, and the index itself]' \
        '--platform[of an index - the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        tag) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        import) _arguments \
        '(-c --change)'{-c,--change}'[a Dockerfile instruction for its config - CMD ("sh"), ENV A=b]:INSTRUCTION:' \
        '(-m --message)'{-m,--message}'[a comment for its history]:TEXT:' \
        '--platform[what it is made for (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '--compression[of its layer (default - gzip)]:gzip|zstd|none[ LEVEL:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        export) _arguments \
        '(-o --output)'{-o,--output}'[write to FILE (default - standard output)]:file:_files' \
        '--compression[compress it (default - none)]:gzip|zstd|none[ LEVEL:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        commit) _arguments \
        '--base[the image the bundle was made from (default - as its config.json says)]:IMAGE:' \
        '(-c --change)'{-c,--change}'[a Dockerfile instruction for its config - CMD ("sh"), ENV A=b]:INSTRUCTION:' \
        '(-m --message)'{-m,--message}'[a comment for its history]:TEXT:' \
        '(-a --author)'{-a,--author}'[who made the image]:NAME:' \
        '--compression[of the new layer (default - gzip)]:gzip|zstd|none[ LEVEL:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        convert) _arguments \
        '--compression[the compression its layers shall have (default - zstd)]:gzip|zstd|none[ LEVEL:' \
        '(-a --all)'{-a,--all}'[of an index - all its images, and the index itself]' \
        '--platform[of an index - the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        manifest) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-a --all)'{-a,--all}'[of an index - all its images, and the index itself]' \
        '--platform[of an index - the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '--os[annotate - the system it is for]:OS:' \
        '--arch[annotate - the architecture]:ARCH:' \
        '--variant[annotate - the architectures variant]:VARIANT:' \
        '--os-version[annotate - the systems version]:VERSION:' \
        '--annotation[annotate - an annotation of the entry]:NAME=VALUE:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        sync) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-a --all)'{-a,--all}'[of an index - all its images, and the index itself]' \
        '--platform[of an index - the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '--dest-creds[log in with these where the images go]:USER PASSWORD:' \
        '--scoped[keep registry and path of each image in its new name]' \
        '--keep-going[go on after an image that fails]' \
        '--dry-run[only say what would be copied]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        unpack) _arguments \
        '--overlay[the bundles root is an overlay of the stores layers, ready at once (for toyrun)]' \
        '--no-setuid[drop setuid and setgid bits of files, and file capabilities]' \
        '--no-devices[leave device nodes out]' \
        '--max-entries[most entries in a layer (default - 10000000)]:N:' \
        '--max-size[most bytes in a layer, uncompressed]:BYTES:' \
        '--max-ratio[most bytes that one compressed byte may become (default - 1000)]:N:' \
        '--max-name[longest path in a layer (default - 4095)]:BYTES:' \
        '--max-depth[most parts of a path (default - 2048)]:N:' \
        '--max-header[largest extended header in a layer (default - 1048576)]:BYTES:' \
        '--report[write to FILE what the layers had in them and what was left out (JSON)]:file:_files' \
        '(-o --output)'{-o,--output}'[the bundle to make]:file:_files' \
        '--user[run as this user instead of the images]:USER[ GROUP:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        images) _arguments \
        '(-q --quiet)'{-q,--quiet}'[only the names, or the digest of what has none]' \
        '(-a --all)'{-a,--all}'[nothing to do - all are listed]' \
        '--digests[digests in full]' \
        '--no-trunc[the same]' \
        '--filter[only those whose name fits, or has none]:reference=PATTERN|dangling=true|false:' \
        '(-f --format)'{-f,--format}'[how to print them]:table|json:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        inspect) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '--raw[the manifest or index, byte for byte]' \
        '--config[the image config, byte for byte]' \
        '(-f --format)'{-f,--format}'[only what {{.Name}}, {{.Config.Env}} and the like stand for]:TEMPLATE:' \
        '--platform[of an index - the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        history) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-f --format)'{-f,--format}'[how to print them]:table|json:' \
        '--no-trunc[whole commands]' \
        '--platform[of an index - the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        diff) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-f --format)'{-f,--format}'[how to print it]:text|json:' \
        '--config-only[compare the configs, not the files]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        user) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        archive) _arguments \
        '--name[call the file so in the archive]:NAME:' \
        '--type[print only what it is - directory, file, symlink, other or none]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        extract) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        rmi) _arguments \
        '(-f --force)'{-f,--force}'[by a digest - all names that mean it]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        prune) _arguments \
        '(-f --force)'{-f,--force}'[nothing to do - no question is asked]' \
        '--build-cache[also forget what builds remember, cache mounts included]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        fsck) _arguments \
        '(-q --quiet)'{-q,--quiet}'[say nothing but what is wrong]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        verify) _arguments \
        '(-f --format)'{-f,--format}'[how to print them]:text|json:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        info) _arguments \
        '(-f --format)'{-f,--format}'[how to print it]:text|json:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        login) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '(-u --username)'{-u,--username}'[log in as NAME]:NAME:' \
        '--password-stdin[read the password from stdin]' \
        '--get-login[print who is logged in, and do nothing]' \
        '--authfile[keep the login in FILE]:file:_files' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        logout) _arguments \
        '--authfile[the login is kept in FILE]:file:_files' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        tags) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        catalog) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        referrers) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '--artifact-type[only what is of this type]:TYPE:' \
        '(-f --format)'{-f,--format}'[how to print them]:table|json:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        delete) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--cert-dir[certificates of the registry are in DIR]:file:_files' \
        '--retry[repeat a request that fails N times (default - 5)]:N:' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '--all-tags[the manifest behind the tag, and so all tags that mean it]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        unshare) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
      esac ;;
  esac
}
_toyimg "$@"
