-- book.lua: one file from many pages, for `make book`. A page becomes a section with an anchor, a
-- link to a page becomes a link inside the book, and any other link leads to the repository's file,
-- as seen from build/, where the book is written.

-- pandoc puts the folder of its page before each link: a/../b is b
local function plain(path)
    local changed
    repeat
        path, changed = path:gsub("[^/.][^/]*/%.%./", "", 1)
    until changed == 0
    return path
end

function Header(header)
    local number = pandoc.utils.stringify(header):match("^(%d%d) ")
    if header.level == 1 and number then header.identifier = "chapter-" .. number end
    return header
end

function Link(link)
    if link.target:match("^%a+:") or link.target:match("^#") then return nil end
    local target = plain(link.target)
    local number = target:match("^chapters/(%d%d)_[^/]*/README%.md")
    if number then link.target = "#chapter-" .. number
    else link.target = "../" .. target end
    return link
end

function Image(image)
    image.src = plain(image.src)
    return image
end
