"""Commands with the judgement they deserve: the classifier's table, and material for random ones."""

from __future__ import annotations

READ_ONLY = (
    r"""
ls
ls -la
ls -F src/pkg/
ls *
ls *.py
cat a.txt
cat a.txt b.txt
cat -n a.txt
cat 'a file.txt'
cat "a file.txt"
cat a\ file.txt
cat -- -strange
/bin/cat a.txt
/usr/bin/grep -n x a.txt
head a.txt
head -n 20 a.txt
head -20 a.txt
tail -n 5 a.txt
tail -n +5 a.txt
wc -l a.txt
wc -l *.txt
nl -ba a.txt
nl -ba a.txt | sed -n '1,5p'
sed -n '1,5p' a.txt
sed -n 5p a.txt
sed -n '/x/,/y/p' a.txt
sed -n "1,5p" a.txt
sed -n '$p' a.txt
sed -n '/^class /,/^def /{p;=}' a.txt
sed 's/a/b/g' a.txt
sed 's|/usr|/opt|' a.txt
sed -e 's/a/b/' -e '5q' a.txt
sed -n '/wide/p' a.txt
sed 's/w/e/' a.txt
sed '1~2d' a.txt
sed '2,+3!d' a.txt
sed 'y/abc/xyz/' a.txt
sed 's/[[:space:]]*$//' a.txt
cat a.txt | sed 's/x/y/'
grep x a.txt
grep -rn "def main" src
grep -rn 'a; rm -rf b' src
grep -r x --include=*.py src
grep -r x --include '*.py' .
grep -n "a\|b" a.txt
grep -E "^(a|b)$" a.txt
grep "x$" a.txt
grep "a > b" a.txt
grep 'a && b' a.txt
grep '`rm b`' a.txt
grep '$(rm b)' a.txt
grep "\$(rm b)" a.txt
grep "\`rm b\`" a.txt
grep -e -rf a.txt
grep -A5 -B 5 x a.txt
grep -5 x a.txt
grep x a.txt 2>/dev/null
grep x a.txt 2> /dev/null | head
grep x a.txt >/dev/null
grep x a.txt 2>&1 | head -n 3
grep 'isn''t' a.txt
grep "x != y" a.txt
egrep 'a|b' a.txt
find . -name '*.py'
find . -name "*.py" -not -path './x/*'
find . -name *.py
find src tests -type f -newer a.txt
find . \( -name a -o -name b \) -print
find . ! -name a
find . -maxdepth 2 -size +1k -printf '%p\n'
find . -type f | sort | head -n 5
find . -path ./.git -prune -o -print
sort a.txt
sort -k2,2n -t, a.txt
sort -rn a.txt | uniq -c
uniq -c a.txt
cut -d: -f1 a.txt
cat a.txt | tr a-z A-Z
cat a.txt | tr -d x 2>&1
awk '{print $1}' a.txt
awk -F: '{print $1, $NF}' a.txt
awk 'NR>=5 && NR<=9' a.txt
awk 'NR > 5 {print}' a.txt
awk -v n=3 'NR==n {printf "%s\n", $0}' a.txt
cat a.txt | awk '{s += $1} END {print s}'
jq . a.json
jq -r '.a[] | select(.b > 3)' a.json
cat a.json | jq .
diff a.txt b.txt
diff -u a.txt b.txt
cmp a.txt b.txt
comm -12 a.txt b.txt
stat a.txt
stat -c %s a.txt
file a.txt
du -sh .
df -h
tree -L 2
rg -n foo src
rg --type py 'foo|bar' .
md5sum a.txt
xxd -l 16 a.txt
od -c a.txt
basename /a/b/c.txt
dirname a/b
realpath a.txt
readlink -f a.txt
which ls
type ls
command -v ls
pwd
whoami
id
date
date +%Y-%m-%d
date -u
date -d yesterday +%s
hostname
uname -a
env
printenv HOME
echo hello
echo "a; b && c"
echo 'rm -rf /'
printf '%s\n' a b
true
seq 5
test -f a.txt
[ -d src ]
git log
git log --oneline -n 5
git log -5 --stat -- src
git log -p -S 'rm -rf' --since=yesterday
git --no-pager log -3
git -C sub log
git show HEAD
git show HEAD~1:a.txt
git show stash@{0}
git diff --cached
git diff HEAD~1..HEAD -- a.txt
git blame -L 1,5 a.txt
git branch
git branch -a
git branch --list 'x*'
git branch --show-current
git tag
git tag -l 'v*'
git remote -v
git remote get-url origin
git config --get user.name
git config --list
git stash list
git rev-parse HEAD
git rev-parse --abbrev-ref HEAD
git ls-files
git ls-tree -r HEAD
git cat-file -p HEAD
git grep -n foo
git describe --tags
git merge-base main HEAD
git --version
git --no-optional-locks status
git --no-optional-locks status --short
GIT_OPTIONAL_LOCKS=0 git status
GIT_PAGER=cat git log
LC_ALL=C sort a.txt
ls # just looking
# a remark
ls ~
ls ~/src
ls "" a
cat a{,.bak}
ls   -l	a.txt
""".strip("\n")
    .replace("# a remark\nls ~\n", "# a remark\\nls ~\n")
    .split("\n")
)
READ_ONLY = [command.replace("# a remark\\nls ~", "# a remark\nls ~") for command in READ_ONLY]
READ_ONLY += ["ls\n", "\n\nls", "ls\n# done\n"]

WRITES = r"""
rm a.txt
rm -rf .
mv a b
cp a b
touch a
mkdir a
chmod +x a
ln -s a b
dd if=/dev/zero of=a
truncate -s 0 a
tee a
cat a.txt | tee b
cat a.txt|tee b
ls | xargs rm
find . -name x | xargs rm
find . | xargs -I{} sh -c 'rm {}'
ls; rm a.txt
ls ; ls
ls;
ls & rm a.txt
ls &
ls && rm a.txt
ls && ls
ls || rm a.txt
ls |& cat
ls > a.txt
ls >a.txt
ls>a.txt
ls >> a.txt
ls >| a.txt
ls 1>a.txt
ls 2>err.txt
ls &>a.txt
ls &> /dev/null
ls >& a.txt
ls <> a.txt
ls > /dev/nullx
ls > /dev/null/../x
ls 2>/dev/null >a.txt
ls >$HOME/x
ls > "a"
> a.txt
cat < a.txt
cat <<EOF
cat <<< x
cat <(rm a)
ls $(rm a.txt)
ls `rm a.txt`
ls "$(rm a.txt)"
ls "`rm a.txt`"
ls "${x:=$(rm a)}"
ls ${x}
ls $x
ls "$x"
ls $'a\x3brm'
ls $"a"
ls $((x=1))
ls $[x=1]
ls "a$b"
(ls)
{ ls; }
! ls
if true; then rm a; fi
for f in a; do rm $f; done
while true; do ls; done
case a in a) rm b;; esac
f() { rm a; }
[[ -f a ]]
((x=1))
eval "rm a"
exec rm a
source a.sh
. a.sh
sh -c 'rm a'
bash -c 'ls'
sh a.sh
./a.sh
./ls
bin/ls
../bin/cat a
/opt/bin/cat a
/usr/bin/../../tmp/x/cat a
python -c 'print(1)'
python3 a.py
perl -ne print a
ruby a.rb
node a.js
curl http://example.com
wget http://example.com
nc localhost 1
ssh host ls
sudo ls
su -c ls
env ls
env FOO=bar rm a
env -i rm a
FOO=bar ls
PATH=. ls
LD_PRELOAD=x ls
LC_ALL=C
GIT_PAGER='rm a' git log
GIT_EXTERNAL_DIFF=x git log
LC_ALL=C rm a
time rm a
time ls
nice ls
nohup ls
timeout 5 rm a
command rm a
command ls
builtin cd
watch ls
yes | rm -i a
cd /tmp
cd src
pushd x
export A=b
unset A
set -e
alias ls=rm
ulimit -f 0
umask 0
kill 1
trap 'rm a' EXIT
wait
read x
less a
more a
vi a
ed a
sed -i 's/a/b/' a.txt
sed -i.bak 's/a/b/' a.txt
sed -ni p a.txt
sed -n -i p a.txt
sed -Ei 's/a/b/' a.txt
sed --in-place p a.txt
sed --in-place=.bak p a.txt
sed --in-pl p a.txt
sed -I '' p a.txt
sed 5p a.txt -i
sed -n p -i a.txt
sed 'w out' a.txt
sed -n '/x/w out' a.txt
sed '5w out' a.txt
sed 's/a/b/w out' a.txt
sed 's/a/b/gw out' a.txt
sed 's/a/b/e' a.txt
sed 's/a/touch x/ge' a.txt
sed 's/a/b/;w out' a.txt
sed 's|a|b|;w out' a.txt
sed 'e touch x' a.txt
sed '1e touch x' a.txt
sed '1!e touch x' a.txt
sed '1,2{p;e touch x' a.txt
sed -n '$!{w out' a.txt
sed 's/[/]/;w out/' a.txt
sed 's/[/]e/x/e' a.txt
sed '/[/]w x/p' a.txt
sed 'y/a/b/;w out' a.txt
sed '\,x,w out' a.txt
sed '\wxwp' a.txt
sed -e p -e 'w out' a.txt
sed -e p a.txt -e 'w out'
sed --expression='w out' a.txt
sed -f script a.txt
sed -nf script a.txt
sed W\ out a.txt
sed 'a text' a.txt
sed ':x;n;bx' a.txt
sed 'r b.txt' a.txt
sed '5' a.txt
sed s/a/b a.txt
sed p*q a.txt
sed -n p *
sed -s -n -z w\ out a.txt
find . -delete
find . -name x -delete
find . -exec rm {} \;
find . -exec rm {} +
find . -execdir rm {} \;
find . -ok rm {} \;
find . -okdir rm {} \;
find . -fprint out
find . -fprintf out %p
find . -fprint0 out
find . -fls out
find * -name x
find . -name *
find [-]delete
find . -name x -o -de*
find {-delete,.}
find -f . -delete
find . -files0-from x
sort -o out a.txt
sort -oout a.txt
sort a.txt -o out
sort -no out a.txt
sort --output=out a.txt
sort --output out a.txt
sort --outp=out a.txt
sort --compress-program=rm a.txt
sort -k -o a.txt
sort *
uniq a.txt b.txt
uniq -c a.txt b.txt
uniq a*
uniq -- a.txt b.txt
uniq a{1,2}
xxd a.txt b.txt
xxd -r a.txt b.txt
tree -o out
tree -R -H . -L 1
file -C -m x
rg --pre rm foo
rg --pre=rm foo
rg --hostname-bin=x foo
rg -z foo
fd -x rm
fd foo -X rm
fd --exec rm
jq -i . a.json
yq -i .a=1 a.yml
yq .a a.yml
awk '{print > "out"}' a.txt
awk '{print >> "out"}' a.txt
awk '{print $1 > $2}' a.txt
awk '{print | "sh"}' a.txt
awk '{print | "sort > out"}' a.txt
awk '{"date" | getline x; print x}' a.txt
awk '{system("rm a")}' a.txt
awk 'BEGIN {system("rm a")}' a.txt
awk 'BEGIN { while (1) {} }' a.txt
awk -f prog a.txt
awk -i inplace '{print}' a.txt
awk -i inplace 1 a.txt
awk 1 a.txt -f x
awk -o/tmp/x 1 a.txt
awk '@load "x"; {print}' a.txt
awk '@f()' a.txt
awk '{ print }' /inet/tcp/0/example.com/80
gawk --profile 1 a.txt
date -s 2020-01-01
date --set=2020-01-01
date 010100002020
date -u 010100002020
hostname evil
hostname -F file
printf -v x y
printf '%n' x
printf %5n x
test -v 'a[$(rm b)]'
[ -v x[1] ]
[ -f a
echo a > b
echo a | sh
echo $(rm a)
cat a.txt | python
cat a.txt |
| cat
ls | | cat
cat
cat -
grep x
sort
wc -l
sed p
awk 1
tr a b
head
grep x -
grep -f - a.txt
tail -f a.txt
tail -F a.txt
tail --follow a.txt
cat /dev/kmsg
cat /dev/stdin
cat /dev/tty
cat //dev/tty
cat /./dev/tty
cat /tmp/../dev/tty
cat ../../dev/tty
cat /d*/tty
cat /tmp/../d?v/tty
cat /proc/kmsg
grep -f/dev/kmsg x a.txt
grep --file=/dev/kmsg a.txt
grep -D read x y
git
git status
git diff
git diff HEAD
git diff a.txt
git diff --stat
git --no-optional-locks diff
git diff --output=x HEAD~1..HEAD
git diff --cached --output=x
git diff --cached --outp=x
git log --output=x
git log --outpu x
git log -p --ext-diff
git show --textconv
git log --format=%G?
git log --pretty='%GK'
git log --show-signature
git log *
git add .
git commit -m x
git push
git pull
git fetch
git clone x
git checkout a.txt
git checkout main
git switch main
git restore a.txt
git reset --hard
git clean -fd
git rm a
git mv a b
git merge x
git rebase x
git cherry-pick x
git revert x
git apply p
git am p
git stash
git stash pop
git stash drop
git branch new
git branch -D x
git branch -d x
git branch -m a b
git branch -l x
git branch --set-upstream-to=x
git branch -v new
git branch --edit-description
git tag v1
git tag -d v1
git tag -a v1 -m x
git remote add x y
git remote show origin
git remote prune origin
git config user.name x
git config --unset user.name
git config --get x --unset y
git config --add a.b c
git config -e
git -c core.pager=rm log
git -c alias.log='!rm a' log
git --exec-path=/tmp log
git --git-dir=/tmp/x log
git --work-tree=/x log
git -p log
git --config-env=a=b log
git grep -O foo
git grep -Orm foo
git grep --open-files-in-pager=rm foo
git reflog expire --all
git reflog delete x
git gc
git prune
git update-index --refresh
git submodule update
git worktree add x
git bisect start
git notes add
git describe --dirty
git cat-file --filters x
git blame --contents x a
git archive -o x HEAD
git bundle create x HEAD
git format-patch HEAD~1
git help log
git unknown
git sho
pip list
npm ls
make
make -n
docker ps
kubectl get pods
ls !rm
ls "!rm"
ls !!
echo "hi!"
ls ~bob
ls a=~
ls a:~b
ls #$(rm a)
# $(rm a)
ls a#b;rm c
ls 'a
ls "a
ls a\
''
""
=ls
*
l?
{ls,-la}
ls{,}
-ls
--
- a
Ls
ls\;rm
""".strip("\n").split("\n")
WRITES += [
    "",
    " ",
    "\n",
    "# only a remark",
    "ls\nrm a",
    "ls\nls",
    "ls \\\n-la",
    "ls\rrm a",
    "ls\x00rm",
    "ls\x0brm",
    "ls\u00a0rm",
    "ls\u2028rm a",
    "ｌｓ",
    "cat é",
    "cat \udc22",
    'cat "a\\\nb"',
    "sed 's/a\\\n/b/;w x' a",
    "sed 'p\nw out' a.txt",
    "grep 'a\n' b\nrm c",
    "ls " + "a" * 5000,
    "ls" + " a" * 300,
    "cat a |\nrm b",
]
