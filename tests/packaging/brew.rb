# As much of Homebrew's formula language as our formula speaks, to run it where there is no Homebrew:
#
#   ruby brew.rb describe FORMULA
#   ruby brew.rb install|test FORMULA PREFIX DOWNLOADS PYTHON
#
# Linux on x86_64 only. Downloads are files of a directory, checked by hash. Names and meanings are
# those of Homebrew's Formula, Resource, Service and Language::Python::Virtualenv.
require "digest"
require "fileutils"
require "json"
require "pathname"
require "tmpdir"

PREFIX = Pathname(ARGV[2] || "/home/linuxbrew/.linuxbrew")
DOWNLOADS = Pathname(ARGV[3] || "/nonexistent")
PYTHON = ARGV[4]

module OS
  def self.mac? = ENV["BREW_AS_MAC"] == "1"
end

class Pathname
  def install(*files)
    mkpath
    files.flatten.each { |file| FileUtils.cp_r file, self }
  end

  def install_symlink(*files)
    mkpath
    files.flatten.each { |file| FileUtils.ln_sf file, self/File.basename(file) }
  end
end

# on_macos, on_arm and their like: only the blocks of this system count
module OnSystem
  def on_macos = (yield if OS.mac?)
  def on_linux = (yield unless OS.mac?)
end

class Resource
  include OnSystem

  attr_reader :name

  def initialize(name, &)
    @name = name
    instance_eval(&)
  end

  def url(value = nil) = value ? @url = value : @url
  def sha256(value = nil) = value ? @sha256 = value : @sha256
  def downloader = Struct.new(:basename).new(File.basename(url))

  def fetch
    file = DOWNLOADS/downloader.basename
    raise "#{file} is not what the formula names" if Digest::SHA256.file(file).hexdigest != sha256

    file
  end

  def stage(&)
    Dir.mktmpdir do |place|
      FileUtils.cp fetch, place
      Dir.chdir(place, &)
    end
  end
end

class Service
  def initialize(formula, &)
    @formula = formula
    @said = {}
    instance_eval(&)
  end
  attr_reader :said

  %i[run keep_alive process_type environment_variables error_log_path].each do |name|
    define_method(name) { |value| @said[name] = value }
  end
  %i[opt_bin etc var].each { |name| define_method(name) { @formula.public_send(name) } }
  def std_service_path_env = "#{PREFIX}/bin:#{PREFIX}/sbin:/usr/bin:/bin:/usr/sbin:/sbin"
end

module Language
  module Python
    module Virtualenv
      def virtualenv_create(root, _python, system_site_packages:)
        raise "ours has libraries of its own" if system_site_packages

        system PYTHON, "-m", "venv", "--without-pip", root
        Environment.new(self, root)
      end

      Environment = Struct.new(:formula, :root) do
        def site_packages = root.glob("lib/python*/site-packages").first

        # wheels are gathered: a pip for each takes half a minute
        def pip_install(target)
          FileUtils.cp target, wheels
        end

        def pip_install_and_link(source, build_isolation:)
          raise "something would be fetched" if build_isolation

          pip(*wheels.glob("*.whl"))
          pip("--no-build-isolation", source)
          programs = root.glob("bin/*").select { |file| file.basename.to_s.start_with?("dispatch") }
          formula.bin.install_symlink(programs)
        end

        def wheels = (formula.buildpath/"wheels").tap(&:mkpath)

        def pip(*what)
          formula.system PYTHON, "-m", "pip", "--python=#{root}/bin/python", "install", "--quiet", "--no-index",
                         "--no-deps", "--ignore-installed", "--no-compile", *what
        end
      end
    end
  end
end

class Formula
  class << self
    include OnSystem

    attr_reader :said, :resources, :service_block, :test_block, :only

    def inherited(formula)
      super
      formula.instance_variable_set(:@said, { "depends_on" => [] })
      formula.instance_variable_set(:@resources, [])
      @only = formula
    end

    %w[desc homepage url sha256 license].each do |name|
      define_method(name) { |value = nil| value ? @said[name] = value : @said[name] }
    end
    def depends_on(what) = @said["depends_on"] << what
    def resource(name, &) = @resources << Resource.new(name, &)
    def service(&block) = @service_block = block
    def test(&block) = @test_block = block
  end

  attr_reader :buildpath, :testpath

  def initialize(buildpath: nil, testpath: nil)
    @buildpath = buildpath
    @testpath = testpath
  end

  def resources = self.class.resources
  def version = self.class.url[/-(\d[\w.]*)\.tar\.gz$/, 1]
  def prefix = PREFIX/"Cellar/dispatch-appliance"/version
  def bin = prefix/"bin"
  def libexec = prefix/"libexec"
  def pkgshare = prefix/"share/dispatch-appliance"
  def opt_prefix = PREFIX/"opt/dispatch-appliance"
  def opt_bin = opt_prefix/"bin"
  def opt_libexec = opt_prefix/"libexec"
  def opt_pkgshare = opt_prefix/"share/dispatch-appliance"
  def etc = PREFIX/"etc"
  def var = PREFIX/"var"
  def bash_completion = prefix/"etc/bash_completion.d"
  def zsh_completion = prefix/"share/zsh/site-functions"
  [1, 5, 8].each { |section| define_method("man#{section}") { prefix/"share/man/man#{section}" } }

  def service = Service.new(self, &self.class.service_block).said

  def system(*command) = Kernel.system(*command.map(&:to_s)) || raise("failed: #{command.join(" ")}")

  def shell_output(command)
    output = `#{command}`
    $?.success? ? output : raise("failed: #{command}")
  end

  def assert_match(expected, text) = text.include?(expected) || raise("no #{expected} in:\n#{text}")
  def cp_r(...) = FileUtils.cp_r(...)
end

def described(formula)
  resources = formula.resources.to_h { |library| [library.name, [library.url, library.sha256]] }
  JSON.generate(formula.class.said.merge("resources" => resources, "service" => formula.service,
                                         "caveats" => formula.caveats))
end

def within_temporary_directory(&block)
  Dir.mktmpdir { |place| Dir.chdir(place) { block.call(Pathname(place).realpath) } }
end

action, file = ARGV
load file
formula = Formula.only
case action
when "describe"
  puts described(formula.new)
when "install"
  within_temporary_directory do |place|
    archive = Resource.new("ours") { url(formula.url) || sha256(formula.sha256) }
    archive.sha256 formula.sha256
    Kernel.system("tar", "xzf", archive.fetch.to_s, "--strip-components=1") || raise("no archive")
    formula.new(buildpath: place).install
  end
when "test"
  within_temporary_directory { |place| formula.new(testpath: place).instance_eval(&formula.test_block) }
end
