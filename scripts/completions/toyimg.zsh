#compdef toyimg
# SPDX-License-Identifier: Apache-2.0
# Made by scripts/completions/generate from --help: change the option table, then run it.

_toyimg() {
  local state verbs
  verbs=(
    'pull:Fetch an image from a registry into the store, and make a bundle of it'
    'push:Send an image of the store to a registry'
    'copy:Copy an image from any place to any other'
    'save:Write images of the store into an archive for docker load, podman and skopeo'
    'load:Take the images of an archive into the store'
    'tag:Give an image of the store further names'
    'unpack:Make a bundle from an image that is in the store'
    'images:List the images in the store'
    'inspect:Print what an image in the store is made of, as JSON'
    'user:Look up a user in the passwd and group files of a root file system'
    'rmi:Remove images from the store, and the content that nothing else uses'
    'login:Check a login with a registry and keep it'
    'logout:Forget the login for a registry'
    'tags:List the tags of a repository'
    'catalog:List the repositories of a registry'
    'referrers:List what refers to an image in its registry - signatures, SBOMs'
    'delete:Delete an image from its registry'
  )
  _arguments -C \
        '--store[keep images in DIR (default - $TOYIMG_STORE, /var/lib/toyimg)]:file:_files' \
        '--debug[say more]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '(-v --version)'{-v,--version}'[show the version]' \
        '1: :->verb' \
        '*:: :->words'
  case $state in
    verb) _describe verb verbs ;;
    words)
      case $words[1] in
        pull) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-o --output)'{-o,--output}'[also make the bundle BUNDLE from it]:file:_files' \
        '--platform[the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        push) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '--all[of an index - all its images, and the index itself]' \
        '--foreign[also send layers that are kept elsewhere]' \
        '--chunk-size[send at most so much in one request (default - a blob as a whole)]:BYTES:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        copy) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-a --all)'{-a,--all}'[of an index - all its images, and the index itself]' \
        '--platform[of an index - the image for this platform (default - this hosts)]:OS/ARCH[/VARIANT:' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors and the result]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '--src-creds[log in with these where the image comes from]:USER PASSWORD:' \
        '--dest-creds[log in with these where it goes]:USER PASSWORD:' \
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
        unpack) _arguments \
        '(-o --output)'{-o,--output}'[the bundle to make]:file:_files' \
        '(-q --quiet)'{-q,--quiet}'[say nothing but errors]' \
        '--progress[how to show progress on stderr]:auto|plain|json|none:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        images) _arguments \
        '(-q --quiet)'{-q,--quiet}'[only the names]' \
        '(-f --format)'{-f,--format}'[how to print them]:table|json:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        inspect) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        user) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        rmi) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        login) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
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
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        catalog) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        referrers) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '--artifact-type[only what is of this type]:TYPE:' \
        '(-f --format)'{-f,--format}'[how to print them]:table|json:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        delete) _arguments \
        '--tls-verify[false - accept any certificate, or plain http]' \
        '--creds[log in with these]:USER PASSWORD:' \
        '--authfile[look for logins here]:file:_files' \
        '--all-tags[the manifest behind the tag, and so all tags that mean it]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
      esac ;;
  esac
}
_toyimg "$@"
